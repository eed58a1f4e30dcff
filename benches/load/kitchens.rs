//! Kitchens: the board on a socket, and a crew that accepts and makes ready at once.

use std::rc::Rc;

use serde::Deserialize;
use tokio::task::JoinHandle;

use super::{
    saga::Day,
    socket::{Said, Socket},
    world::World,
};

#[derive(Deserialize)]
struct Ticket {
    ticket_id: String,
}

/// Opens a kitchen's board and sets its crew to work.
pub async fn open(day: &Day, world: &World, number: usize) -> JoinHandle<()> {
    let (day, crew) = (day.clone(), Rc::new(world.crew(number)));
    let mut socket = Socket::open(day.address, &crew[0]).await.unwrap();
    let subscribe = format!(r#"{{"type":"subscribe","id":1,"topic":"kitchen:{}"}}"#, world.kitchens[number]);
    socket.send(&subscribe).await.unwrap();
    actix::spawn(async move {
        let mut hand = 0;
        loop {
            let text = match socket.next().await {
                Ok(text) => text,
                Err(error) => return day.log.borrow_mut().trouble(format!("a kitchen's socket: {error}")),
            };
            day.log.borrow_mut().frames += 1;
            let said: Said = serde_json::from_str(&text).unwrap();
            let opened = match &*said.r#type {
                "ticket.opened" => true,
                "ticket.fired" => false,
                _ => continue,
            };
            let Some(Ticket { ticket_id }) = said.data() else { continue };
            hand += 1;
            let (day, crew) = (day.clone(), Rc::clone(&crew));
            actix::spawn(async move {
                let token = &crew[hand % crew.len()];
                let words: &[&str] = match (opened, day.pickup) {
                    (true, _) => &["acceptance"],
                    (false, false) => &["ready"],
                    (false, true) => &["ready", "collected"],
                };
                for word in words {
                    let (status, said) = day.call("POST", &format!("/v1/tickets/{ticket_id}/{word}"), token, &[]).await;
                    if status != 200 {
                        return day.refused(word, status, &said);
                    }
                }
                if opened {
                    day.log.borrow_mut().tickets += 1;
                }
            });
        }
    })
}
