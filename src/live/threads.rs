//! The threads of a running program: names, states, and what each of them does or waits for.

use std::collections::HashMap;

use super::control::state_letter;
use super::reader::Reader;
use crate::programs::region::word;
use crate::records::Stack;

/// One thread.
#[derive(Debug, Clone)]
pub struct Thread {
    pub tid: u32,
    pub name: String,
    /// The letter of proc_pid_stat(5).
    pub state: char,
    /// `None` if it did not answer.
    pub stack: Option<Stack>,
}

/// All threads with their stacks, the first one first.
///
/// # Errors
/// Why there are none.
pub fn threads(reader: &Reader) -> Result<Vec<Thread>, &'static str> {
    // Before they are asked: while they answer, they all run.
    let mut threads = listed(reader);
    let mut stacks: HashMap<u32, Stack> = reader.thread_stacks()?.into_iter().collect();
    let first = reader.pid.as_raw_nonzero().get() as u32;
    for thread in &mut threads {
        let number = if thread.tid == first { 0 } else { thread.tid };
        thread.stack = stacks.remove(&number);
    }
    Ok(threads)
}

/// All threads that the kernel lists, but for the recorder's own.
pub fn listed(reader: &Reader) -> Vec<Thread> {
    let attendant = reader.region.header().word(word::ATTENDANT) as u32;
    let first = reader.pid.as_raw_nonzero().get();
    let tasks = std::fs::read_dir(format!("/proc/{first}/task")).into_iter().flatten().flatten();
    let mut threads: Vec<Thread> = tasks
        .filter_map(|task| {
            let tid = task.file_name().to_str()?.parse().ok().filter(|&tid| tid != attendant)?;
            let read = |file: &str| std::fs::read_to_string(task.path().join(file)).ok();
            let name = match tid == first as u32 {
                true => "main".to_owned(),
                false => read("comm")?.trim_end_matches('\n').to_owned(),
            };
            Some(Thread { tid, name, state: state_letter(&read("stat")?)?, stack: None })
        })
        .collect();
    threads.sort_unstable_by_key(|thread| thread.tid);
    threads
}

/// How many there are.
pub fn number(reader: &Reader) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", reader.pid.as_raw_nonzero()));
    tasks.map_or(0, |tasks| tasks.count().saturating_sub(1))
}

/// Parts of function names, and what a thread waits for in them: Go's words where it has any. The first one counts.
const WAITS: [(&[&str], &str); 13] = [
    (&["std::thread", "::sleep"], "sleep"),
    (&["Receiver", "::recv"], "chan receive"),
    (&["mpmc", "::recv"], "chan receive"),
    (&["Sender", "::send"], "chan send"),
    (&["RwLock", "::read"], "sync.RWMutex.RLock"),
    (&["RwLock", "::write"], "sync.RWMutex.Lock"),
    (&["Mutex", "::lock"], "sync.Mutex.Lock"),
    (&["Condvar", "::wait"], "sync.Cond.Wait"),
    (&["Barrier", "::wait"], "sync.Cond.Wait"),
    (&["JoinInner", "::join"], "join"),
    (&["epoll_wait"], "IO wait"),
    (&["accept"], "IO wait"),
    (&["Thread", "::park"], "park"),
];

/// The activity of a thread in this state, by the functions of its stack, leaf first.
pub fn doing<'a>(state: char, functions: impl Iterator<Item = &'a str>) -> &'static str {
    match state {
        'R' => return "running",
        'D' => return "disk wait",
        'T' | 't' => return "stopped",
        'Z' | 'X' => return "dead",
        _ => (),
    }
    // The function that the program waits in is further out than the one that waits for it.
    let functions: Vec<&str> = functions.take(32).collect();
    let is_it = |(parts, _): &&(&[&str], &str)| {
        functions.iter().any(|function| parts.iter().all(|part| function.contains(part)))
    };
    WAITS.iter().find(is_it).map_or("syscall", |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_waits_for() {
        let doing = |state, functions: &[&str]| doing(state, functions.iter().copied());
        let mutex = [
            "syscall",
            "std::sys::sync::mutex::futex::Mutex::lock_contended",
            "std::sync::poison::mutex::Mutex<T>::lock",
        ];
        assert_eq!(doing('S', &mutex), "sync.Mutex.Lock");
        assert_eq!(doing('R', &mutex), "running");
        assert_eq!(doing('S', &["clock_nanosleep", "std::thread::functions::sleep", "server::main"]), "sleep");
        let channel = ["std::thread::park", "std::sync::mpmc::list::Channel<T>::recv", "server::main"];
        assert_eq!(doing('S', &channel), "chan receive");
        assert_eq!(doing('S', &["recvfrom", "std::net::tcp::TcpStream::read"]), "syscall");
        assert_eq!(doing('S', &[]), "syscall");
    }
}
