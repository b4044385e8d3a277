//! A server as people write them with axum: each request allocates, some sessions are kept, all take one lock. It counts its
//! own allocations, which a second port tells without allocating. The first line of its output is both ports.
// Without the counts, nothing of theirs is used.
#![cfg_attr(not(feature = "counts"), allow(dead_code))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

/// Allocations, bytes, frees, live bytes.
static COUNTS: [AtomicI64; 4] = [const { AtomicI64::new(0) }; 4];

struct Counting;

fn count(allocs: i64, bytes: usize, frees: i64, live: i64) {
    for (count, by) in COUNTS.iter().zip([allocs, bytes as i64, frees, live]) {
        count.fetch_add(by, Relaxed);
    }
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0, layout.size() as i64);
        System.alloc(layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0, layout.size() as i64);
        System.alloc_zeroed(layout)
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, 1, size as i64 - layout.size() as i64);
        System.realloc(block, layout, size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, 0, 1, -(layout.size() as i64));
        System.dealloc(block, layout)
    }
}

#[cfg_attr(feature = "counts", global_allocator)]
static GLOBAL: Counting = Counting;

#[derive(Clone, Serialize)]
struct Item {
    id: u64,
    name: String,
    tags: Vec<String>,
}

type Sessions = Arc<Mutex<HashMap<u64, Vec<Item>>>>;

#[inline(never)]
fn load_items(number: u64) -> Vec<Item> {
    let tags = |id| (0..3).map(|tag| format!("tag-{}", id + tag)).collect();
    (0..number).map(|id| Item { id, name: format!("item number {id}"), tags: tags(id) }).collect()
}

async fn items(State(sessions): State<Sessions>, Path(number): Path<u64>) -> Json<Vec<Item>> {
    let items = load_items(number);
    remember(&sessions, number, &items);
    Json(items)
}

/// The last answers of 64 kinds.
#[inline(never)]
fn remember(sessions: &Sessions, number: u64, items: &[Item]) {
    sessions.lock().unwrap().insert(number % 64, items.to_vec());
}

/// A lock that is held for some time, so that others wait for it.
async fn slow(State(sessions): State<Sessions>) -> String {
    let held = sessions.lock().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2));
    format!("{} sessions", held.len())
}

fn tell_counts(listener: std::net::TcpListener) {
    for stream in listener.incoming() {
        let _ = writeln!(stream.unwrap(), "{:?}", [0, 1, 2, 3].map(|i| COUNTS[i].load(Relaxed)));
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let counts = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{} {}", listener.local_addr().unwrap().port(), counts.local_addr().unwrap().port());
    std::thread::spawn(|| tell_counts(counts));
    let app = Router::new().route("/items/{number}", get(items)).route("/slow", get(slow));
    axum::serve(listener, app.with_state(Sessions::default())).await.unwrap();
}
