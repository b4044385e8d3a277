//! The seeds' example: a buffer made anew for each call, and one from a pool.

use std::cell::RefCell;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

pub struct Pool<T> {
    free: Vec<T>,
}

impl<T: Default> Pool<T> {
    pub fn get(&mut self) -> T {
        self.free.pop().unwrap_or_default()
    }
}

pub fn process_data(data: &[u8]) -> usize {
    let mut buffer = Vec::new();
    for byte in data {
        buffer.push(*byte);
    }
    buffer.len()
}

pub fn process_data_pooled(data: &[u8]) -> usize {
    let mut buffer = POOL.with(|pool| pool.borrow_mut().pop()).unwrap_or_default();
    buffer.clear();
    buffer.extend_from_slice(data);
    let length = buffer.len();
    POOL.with(|pool| pool.borrow_mut().push(buffer));
    length
}
