//! What tests do to a redis-server beside killing it, and how long they wait for it.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

pub use crate::process::Redis;

/// Waits until `condition` holds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !condition().await {
            tick.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok(), "in vain waited 20 s until {what}");
}

/// What `asked` answers, which must not take longer than anybody may wait for Redis.
pub async fn in_time<T>(what: &str, asked: impl Future<Output = T>) -> T {
    let limit = Duration::from_millis(600);
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| panic!("{what} took longer than {limit:?}"))
}

impl Redis {
    /// Lets it live and answer nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// A client that knows nothing of the server under test.
    pub async fn raw(&self) -> fred::clients::Client {
        use fred::interfaces::ClientLike;
        let config = fred::types::config::Config::from_url(&self.url()).unwrap();
        let config = fred::types::config::Config { fail_fast: false, ..config };
        let client = fred::types::Builder::from_config(config)
            .set_policy(fred::types::config::ReconnectPolicy::new_constant(0, 20))
            .build()
            .unwrap();
        client.init().await.unwrap();
        client
    }
}
