//! A queue that is fair between people.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Items of several people: taken one from each in turn, and when there is no room, given up by whoever has most.
///
/// So whoever has nothing waiting finds room as long as somebody else has two, and is served after at most one item
/// of each other person, however many they have.
#[derive(Debug)]
pub struct Fair<K, T> {
    room: usize,
    len: usize,
    /// People with something waiting, the next first.
    turns: VecDeque<K>,
    waiting: HashMap<K, VecDeque<T>>,
}

impl<K: Eq + Hash + Clone, T> Fair<K, T> {
    /// A queue for at most `room` items.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            len: 0,
            turns: VecDeque::new(),
            waiting: HashMap::new(),
        }
    }

    /// Adds an item. If there is no room, an item is given back: the last of the person who has most waiting, or this
    /// one, if nobody has more than its person would have.
    pub fn push(&mut self, who: K, item: T) -> Option<T> {
        let mut out = None;
        if self.len >= self.room {
            let own = self.waiting.get(&who).map_or(0, VecDeque::len);
            let most = self.waiting.iter().max_by_key(|(_, items)| items.len());
            match most.map(|(key, items)| (key.clone(), items.len())) {
                Some((key, most)) if most > own + 1 => out = self.take_last(&key),
                _ => return Some(item),
            }
        }
        self.len += 1;
        let items = self.waiting.entry(who.clone()).or_default();
        if items.is_empty() {
            self.turns.push_back(who);
        }
        items.push_back(item);
        out
    }

    /// Takes the next item: the first of the person whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let who = self.turns.pop_front()?;
        let items = self.waiting.get_mut(&who)?;
        let item = items.pop_front();
        if items.is_empty() {
            self.waiting.remove(&who);
        } else {
            self.turns.push_back(who);
        }
        self.len -= 1;
        item
    }

    fn take_last(&mut self, who: &K) -> Option<T> {
        // Whoever has most has at least two here, so their turn stays.
        let item = self.waiting.get_mut(who)?.pop_back();
        self.len -= 1;
        item
    }

    /// Items that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
