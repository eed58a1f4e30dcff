//! A bounded queue that keeps only the newest value of each key: what waits for Redis while it is slow or away.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

struct Waiting<K, V> {
    values: HashMap<K, V>,
    /// Keys by how long they have waited; each once.
    order: VecDeque<K>,
}

/// Newest values by key, first come first served. When full, what has waited longest is dropped.
pub(super) struct Latest<K, V> {
    waiting: Mutex<Waiting<K, V>>,
    bell: Notify,
    keys_max: usize,
}

impl<K: Copy + Eq + Hash, V> Latest<K, V> {
    pub(super) fn new(keys_max: usize) -> Self {
        let waiting = Waiting { values: HashMap::new(), order: VecDeque::new() };
        Self { waiting: Mutex::new(waiting), bell: Notify::new(), keys_max }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<K, V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `value` in place of the one that waits, if `replaces(waiting, value)`. Keeps its place in the queue.
    pub(super) fn put(&self, key: K, value: V, replaces: impl FnOnce(&V, &V) -> bool) {
        let mut waiting = self.lock();
        if let Some(old) = waiting.values.get_mut(&key) {
            if replaces(old, &value) {
                *old = value;
            }
            return;
        }
        if waiting.order.len() >= self.keys_max
            && let Some(oldest) = waiting.order.pop_front()
        {
            waiting.values.remove(&oldest);
        }
        waiting.values.insert(key, value);
        waiting.order.push_back(key);
        drop(waiting);
        self.bell.notify_one();
    }

    /// Puts back what could not be delivered, unless something newer waits or there is no room.
    pub(super) fn put_back(&self, values: Vec<(K, V)>) {
        let mut waiting = self.lock();
        for (key, value) in values.into_iter().rev() {
            if waiting.order.len() < self.keys_max && !waiting.values.contains_key(&key) {
                waiting.values.insert(key, value);
                waiting.order.push_front(key);
            }
        }
        drop(waiting);
        self.bell.notify_one();
    }

    /// Takes at most `count`, those that have waited longest.
    pub(super) fn take(&self, count: usize) -> Vec<(K, V)> {
        let mut waiting = self.lock();
        let count = count.min(waiting.order.len());
        let keys: Vec<K> = waiting.order.drain(..count).collect();
        keys.into_iter().filter_map(|key| waiting.values.remove(&key).map(|value| (key, value))).collect()
    }

    /// Returns when something waits.
    pub(super) async fn filled(&self) {
        while self.lock().order.is_empty() {
            self.bell.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_of_each_key_and_drops_what_waited_longest() {
        let queue = Latest::new(2);
        let newer = |old: &u32, new: &u32| new > old;
        queue.put('a', 5, newer);
        queue.put('a', 3, newer);
        queue.put('b', 1, newer);
        assert_eq!(queue.take(1), [('a', 5)]);
        queue.put('a', 6, newer);
        queue.put('c', 1, newer);
        assert_eq!(queue.take(9), [('a', 6), ('c', 1)]);
    }

    #[test]
    fn what_is_put_back_never_replaces_what_came_meanwhile() {
        let queue = Latest::new(3);
        queue.put('a', 7, |_, _| true);
        queue.put_back(vec![('a', 1), ('b', 1)]);
        assert_eq!(queue.take(9), [('b', 1), ('a', 7)]);
    }
}
