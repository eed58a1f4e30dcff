//! The door to `argon2`: hashes and compares passwords (argon2id, 19 MiB, two passes) on threads of their own, a few
//! at a time, so that a storm of log-ins cannot starve orders. What waits beyond the limit is told to come back.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use foodcourt_actors::user::{
    accounts::{HashError, Passwords},
    credentials::Password,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::Semaphore;

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// The hasher and its bounds.
pub struct Argon2Passwords {
    queue: Arc<Semaphore>,
    hands: Arc<Semaphore>,
    decoy: Arc<str>,
}

impl Argon2Passwords {
    /// `hands` hashes at once (each costs about 25 ms of a core), `queue_max` more may wait.
    ///
    /// # Errors
    /// [`HashError::Broken`] when argon2 does not work here at all.
    pub fn new(hands: usize, queue_max: usize) -> Result<Self, HashError> {
        let decoy = hasher()?.hash_password(b"nobody has this password").map_err(|_| HashError::Broken)?.to_string();
        Ok(Self {
            queue: Arc::new(Semaphore::new(hands + queue_max)),
            hands: Arc::new(Semaphore::new(hands)),
            decoy: decoy.into(),
        })
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, HashError>> {
        let (queue, hands) = (Arc::clone(&self.queue), Arc::clone(&self.hands));
        async move {
            let place = queue.try_acquire_owned().map_err(|_| HashError::Busy)?;
            let hand = hands.acquire_owned().await.map_err(|_| HashError::Broken)?;
            tokio::task::spawn_blocking(move || {
                // Both are held until the thread is done, also when the caller has gone.
                let _held = (place, hand);
                work()
            })
            .await
            .map_err(|_| HashError::Broken)?
        }
        .boxed()
    }
}

fn hasher() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| HashError::Broken)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Passwords for Argon2Passwords {
    fn hash(&self, password: Password) -> BoxFuture<'static, Result<String, HashError>> {
        self.run(move || {
            let hash = hasher()?.hash_password(password.reveal().as_bytes()).map_err(|_| HashError::Broken)?;
            Ok(hash.to_string())
        })
    }

    fn verify(&self, password: Password, hash: Option<String>) -> BoxFuture<'static, Result<bool, HashError>> {
        let decoy = Arc::clone(&self.decoy);
        self.run(move || {
            let known = hash.is_some();
            let hash = PasswordHash::new(hash.as_deref().unwrap_or(&decoy)).map_err(|_| HashError::Broken)?;
            Ok(hasher()?.verify_password(password.reveal().as_bytes(), &hash).is_ok() && known)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn knows_its_own_hashes_and_nobody_elses() {
        let passwords = Argon2Passwords::new(1, 4).unwrap();
        let typed = |text: &str| Password::typed(text).unwrap();
        let hash = passwords.hash(typed("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify(typed("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(typed("wrong horse"), Some(hash)).await.unwrap());
        assert!(!passwords.verify(typed("nobody has this password"), None).await.unwrap());
    }

    #[tokio::test]
    async fn refuses_what_does_not_fit_the_queue() {
        let passwords = Argon2Passwords::new(1, 1).unwrap();
        let typed = || Password::typed("correct horse").unwrap();
        let (a, b, c) = futures_util::join!(passwords.hash(typed()), passwords.hash(typed()), passwords.hash(typed()));
        assert!(a.is_ok() && b.is_ok());
        assert_eq!(c.unwrap_err(), HashError::Busy);
    }
}
