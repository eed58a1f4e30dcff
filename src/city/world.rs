//! What all people of the city share: the server, the time, the streets, the counters of the food court.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{OnceCell, mpsc, watch};

use super::{
    CityOptions,
    client::{Api, CallError},
    clock::BusinessClock,
    log::Log,
    person::Person,
    streets::Streets,
};

/// The shared world of one run.
pub struct World {
    /// What was asked for.
    pub options: CityOptions,
    /// Tells this run's accounts and keys from those of other runs on the same server.
    pub tag: String,
    /// The server.
    pub api: Arc<Api>,
    /// What everybody was told.
    pub log: Arc<Log>,
    /// Business time.
    pub clock: Arc<BusinessClock>,
    /// The district.
    pub streets: Streets,
    /// Where a customer asks for a ticket's food, per kitchen. Walking there is no API call, so it is none here.
    pub counters: BTreeMap<String, mpsc::Sender<String>>,
    /// The city's customers, each registered when first needed.
    pub customers: Vec<OnceCell<Arc<Person>>>,
    /// Becomes true when everybody may go home.
    pub evening: watch::Receiver<bool>,
}

impl World {
    /// The customer with this number, with an account.
    ///
    /// # Errors
    /// When the server will not register them.
    pub async fn customer(&self, number: u32) -> Result<Arc<Person>, CallError> {
        let place = number as usize % self.customers.len();
        self.customers[place]
            .get_or_try_init(|| async {
                let email = format!("city-{}-{place}@customers.example", self.tag);
                let person =
                    Person::new(Arc::clone(&self.api), &email, &format!("city customer {place} of {}", self.tag));
                person.register(&format!("Customer {place}")).await?;
                Ok(Arc::new(person))
            })
            .await
            .cloned()
    }
}

/// Returns when everybody may go home.
pub async fn until_evening(evening: &mut watch::Receiver<bool>) {
    if evening.wait_for(|evening| *evening).await.is_err() {
        tracing::debug!("the run is over already");
    }
}
