//! Many small statements as one: while a batch is on its way the next collects, and an idle line sends at once. A
//! thousand rows a second are then some dozens of transactions, and take one connection instead of all.

use std::{error::Error, fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use foodcourt_actors::ports::BoxError;
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};

use super::connect::DatabaseError;

/// Wishes that may stand in line; who comes next waits for a place.
const LINE_MAX: usize = 4_096;

/// What became of one wish; a batch that fails fails for all of it.
type Outcome<R> = Result<R, Arc<dyn Error + Send + Sync>>;

/// Hands wishes to a function that does many at once. Cheap to clone; ends with its last clone.
pub(super) struct Gather<T, R> {
    line: mpsc::Sender<(T, oneshot::Sender<Outcome<R>>)>,
}

impl<T: Send + 'static, R: Send + 'static> Gather<T, R> {
    /// Starts a line, on the current runtime, before `run`, which answers at most `batch_max` wishes in their order.
    /// After a batch that was not full it rests for `pause`, so that more come together.
    pub fn start<Run, Running>(batch_max: usize, pause: Duration, run: Run) -> Self
    where
        Run: Fn(Vec<T>) -> Running + Send + 'static,
        Running: Future<Output = Result<Vec<R>, BoxError>> + Send,
    {
        let (line, mut inbox) = mpsc::channel(LINE_MAX);
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            while inbox.recv_many(&mut waiting, batch_max).await > 0 {
                let full = waiting.len() >= batch_max;
                let (wishes, askers): (Vec<T>, Vec<oneshot::Sender<Outcome<R>>>) = waiting.drain(..).unzip();
                // Nobody minds an asker who has gone.
                match AssertUnwindSafe(run(wishes)).catch_unwind().await {
                    Ok(Ok(results)) => {
                        askers.into_iter().zip(results).for_each(|(asker, result)| drop(asker.send(Ok(result))));
                    }
                    Ok(Err(error)) => {
                        let error = Arc::from(error);
                        askers.into_iter().for_each(|asker| drop(asker.send(Err(Arc::clone(&error)))));
                    }
                    // Those who asked hear that nobody answers; the line goes on.
                    Err(_panic) => {}
                }
                if !(full || pause.is_zero()) {
                    tokio::time::sleep(pause).await;
                }
            }
        });
        Self { line }
    }

    /// Does one wish, together with whatever else is in line.
    ///
    /// # Errors
    /// What the batch failed of.
    pub async fn ask(&self, wish: T) -> Outcome<R> {
        let (asker, answer) = oneshot::channel();
        // Either error: the runtime ends, or the batch panicked.
        match self.line.send((wish, asker)).await {
            Ok(()) => answer.await.unwrap_or_else(|_dropped| Err(Arc::new(DatabaseError::Busy))),
            Err(_closed) => Err(Arc::new(DatabaseError::Busy)),
        }
    }
}

impl<T, R> Clone for Gather<T, R> {
    fn clone(&self) -> Self {
        Self { line: self.line.clone() }
    }
}

impl<T, R> fmt::Debug for Gather<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_waits_goes_together_and_each_hears_its_own() {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let gather = Gather::start(3, Duration::ZERO, move |wishes: Vec<u32>| {
            let gate = Arc::clone(&held);
            async move {
                gate.acquire().await.unwrap().forget();
                let size = wishes.len();
                Ok(wishes.into_iter().map(|wish| (wish, size)).collect())
            }
        });
        let mut asked: Vec<_> = (0..5).map(|wish| Box::pin(gather.ask(wish))).collect();
        // In line, in this order; the first looks at it have the line take what it finds there.
        for ask in &mut asked {
            assert!(ask.now_or_never().is_none());
        }
        gate.add_permits(2);
        let mut answers = Vec::new();
        for ask in asked {
            answers.push(ask.await.unwrap());
        }
        assert_eq!(answers, [(0, 3), (1, 3), (2, 3), (3, 2), (4, 2)]);
    }

    #[tokio::test]
    async fn a_failed_or_panicked_batch_is_told_and_the_line_goes_on() {
        let gather = Gather::start(8, Duration::ZERO, |wishes: Vec<u32>| async move {
            assert_ne!(wishes, [13], "planted");
            if wishes == [7] { Err(DatabaseError::Busy.into()) } else { Ok(wishes) }
        });
        assert!(gather.ask(7).await.is_err());
        assert!(gather.ask(13).await.is_err());
        assert_eq!(gather.ask(1).await.unwrap(), 1);
    }
}
