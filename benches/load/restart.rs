//! A restart with many open orders: what a guest waits for after `kill -9`, and after a stop.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    RestartArgs,
    http::{self, Connection},
    machine::{self, quantile},
    place::{Numbers, SCALE, load},
    server::Server,
    world::World,
};

/// Orders are placed for so long between two looks at how many there are.
const CHUNK: Duration = Duration::from_secs(10);
/// Old orders that are asked for after a start, each woken from the journal.
const WOKEN: usize = 1_000;

/// An order that was open before the restart.
struct Old {
    path: String,
    token: String,
}

/// Places the orders, then stops and starts the server over them.
pub async fn run(args: &RestartArgs) {
    let world = World::make(SCALE).await;
    let numbers = Numbers::default();
    let mut server = Server::start(&world, &[]).await;
    while open_orders(&server).await < args.orders {
        let tokens = Rc::new(world.customers());
        load(&server, &world, &tokens, &numbers, args.clients, 0.0, CHUNK).await;
        eprintln!("{} of {} orders are open", open_orders(&server).await, args.orders);
    }
    server.catches_up(Duration::from_secs(300)).await.expect("the services catch up");
    println!("{} orders are open, {} facts stand in the journal.\n", open_orders(&server).await, server.end().await);
    println!(
        "| ended by | listening after s | ready after s | first old order read after s | first new order after s | 1,000 old orders, one after the other: p50 ms | p99 ms | memory MB then |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for round in 0..args.rounds {
        // In turn, so that both meet the same machine.
        let killed = round % 2 == 0;
        if killed {
            server.kill().await;
        } else {
            server.stop().await;
        }
        let begun = Instant::now();
        server = Server::start(&world, &[]).await;
        let listening = begun.elapsed();
        let mut connection = Connection::open(server.address).await.unwrap();
        while call(&mut connection, "GET", "/readyz", "", None, b"").await != 200 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let ready = begun.elapsed();
        let old = old_orders(&server, &world).await;
        let looked = Instant::now(); // the choice of orders is ours, and not part of it
        assert_eq!(call(&mut connection, "GET", &old[0].path, &old[0].token, None, b"").await, 200);
        let read = ready + looked.elapsed();
        let (token, body, number) = (&world.customers()[0], &world.bodies[0], numbers.next());
        let placing = Instant::now();
        let key = format!("order-{number}");
        assert_eq!(call(&mut connection, "POST", "/v1/orders", token, Some(&key), body).await, 201);
        let placed = read + placing.elapsed();
        let mut woken = Vec::with_capacity(old.len());
        for one in &old[1..] {
            let asked = Instant::now();
            assert_eq!(call(&mut connection, "GET", &one.path, &one.token, None, b"").await, 200);
            woken.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        woken.sort_unstable();
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {} |",
            if killed { "kill -9, PostgreSQL too" } else { "SIGTERM" },
            listening.as_secs_f64(),
            ready.as_secs_f64(),
            read.as_secs_f64(),
            placed.as_secs_f64(),
            quantile(&woken, 0.5) / 1_000.0,
            quantile(&woken, 0.99) / 1_000.0,
            server.pid().map_or(0, machine::resident_bytes) / 1_000_000,
        );
    }
    server.stop().await;
}

/// Sends a request; answers its status.
async fn call(
    connection: &mut Connection,
    method: &str,
    path: &str,
    token: &str,
    key: Option<&str>,
    body: &[u8],
) -> u16 {
    let mut request = Vec::new();
    http::write(&mut request, method, path, token, key, body);
    connection.call(&request).await.unwrap().0
}

/// Nobody answers here, so every order placed is open.
async fn open_orders(server: &Server) -> i64 {
    let rows = server.database.query("select count(*) from journal where kind = 'order.placed'", &[]).await;
    rows.unwrap()[0].get(0)
}

/// Orders from all over the journal, with their customers' tokens.
async fn old_orders(server: &Server, world: &World) -> Vec<Old> {
    const SQL: &str = "
select substr(stream, 7)::uuid, (body ->> 'customer_id')::uuid
  from journal
 where kind = 'order.placed'
 order by md5(stream)
 limit $1";
    let count = i64::try_from(WOKEN + 1).unwrap();
    let rows = server.database.query(SQL, &[&count]).await.unwrap();
    let one = |row: &tokio_postgres::Row| Old {
        path: format!("/v1/orders/{}", row.get::<_, Uuid>(0)),
        token: world.token(row.get(1)),
    };
    rows.iter().map(one).collect()
}
