//! Allocates in the ways that a programmer does, and prints the return addresses of each first allocation.

use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;

#[global_allocator]
static ALLOCATOR: memprof_rt::Track<std::alloc::System> = memprof_rt::Track(std::alloc::System);

#[inline(never)]
fn pushes(vector: &mut Vec<u64>) {
    vector.push(black_box(7)); // line: pushes
}

#[inline(never)]
fn boxes() -> Box<[u64; 4]> {
    Box::new(black_box([1; 4]))
}

#[inline(never)]
fn strings(text: &mut String) {
    text.push_str(black_box("a text of some length"))
}

#[inline(never)]
fn copies(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

#[inline(never)]
fn zeroes(length: usize) -> Vec<u8> {
    vec![0; length]
}

#[inline(never)]
fn capacity(length: usize) -> Vec<u64> {
    Vec::with_capacity(length)
}

#[inline(never)]
fn formats(number: u64) -> String {
    format!("number {number} of many")
}

#[inline(always)]
fn inlined(vector: &mut Vec<u64>) {
    vector.reserve(black_box(100)); // line: inlined
}

#[inline(never)]
fn outer(vector: &mut Vec<u64>) {
    inlined(vector); // line: outer
    black_box(&vector);
}

struct Wrapper<T>(T);

impl<T: Clone> Wrapper<T> {
    #[inline(never)]
    fn duplicate(&self) -> [T; 2] {
        [self.0.clone(), self.0.clone()]
    }
}

fn report<T>(name: &str, work: impl FnOnce() -> T) {
    memprof_rt::ARMED.store(true, Relaxed);
    let result = work();
    memprof_rt::ARMED.store(false, Relaxed);
    let depth = memprof_rt::DEPTH.load(Relaxed);
    print!("{name}");
    for address in &memprof_rt::STACK[..depth] {
        print!(" {:x}", address.load(Relaxed));
    }
    println!();
    drop(result);
}

fn main() {
    println!("{}", std::fs::read_to_string("/proc/self/maps").unwrap());
    let (mut vector, mut text) = (Vec::new(), String::new());
    report("pushes", || pushes(&mut vector));
    report("boxes", boxes);
    report("strings", || strings(&mut text));
    report("copies", || copies(text.as_bytes()));
    report("zeroes", || zeroes(black_box(5000)));
    report("capacity", || capacity(black_box(5000)));
    report("formats", || formats(black_box(3)));
    report("outer", || outer(&mut vector));
    let wrapper = Wrapper(text);
    report("duplicate", || wrapper.duplicate());
    std::thread::spawn(|| report("thread", boxes)).join().unwrap();
}
