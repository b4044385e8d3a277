//! Places in the first page of the memory that a program shares with the tool, as numbers of words. The runtime writes
//! them and the tool reads them, so both compile this file. Words that threads write often have cache lines of their own.
#![allow(dead_code)]

/// Version of this layout; the reader refuses others.
pub const LAYOUT: u64 = 1;
pub const MARK: u64 = u64::from_le_bytes(*b"MPSHARED");

/// `MARK`, once the rest can be read; and `LAYOUT`.
pub const MAGIC: usize = 0;
pub const VERSION: usize = 1;
/// The region's address in the process.
pub const BASE: usize = 2;
pub const SIZE: usize = 3;
pub const PID: usize = 4;
/// CLOCK_MONOTONIC: when the runtime's own start began and ended.
pub const ENTERED: usize = 5;
pub const BEGUN: usize = 6;
/// CPU time of the process at that end, and at its exit (0 if it ended otherwise).
pub const BEGUN_CPU: usize = 7;
pub const EXIT_CPU: usize = 8;
/// Records as in `records`, one after the other.
pub const LOG: usize = 9;
pub const LOG_LEN: usize = 10;
/// One word for each 2,048 of the stacks' entries (`entry`): the offset of the first of them, or 0; and the end of those in use.
pub const ENTRIES: usize = 11;
pub const ENTRIES_END: usize = 12;
pub const ENTRY_SIZE: usize = 13;
/// One word a thread's state: its offset; in each state the counters stand at `COUNTERS`.
pub const STATES: usize = 14;
pub const STATES_LEN: usize = 15;
pub const COUNTERS: usize = 16;
/// Rings of samples and of waits, with their lengths in words.
pub const SAMPLES: usize = 17;
pub const SAMPLES_LEN: usize = 18;
pub const WAITS: usize = 19;
pub const WAITS_LEN: usize = 20;
/// Bytes of the region that are in use.
pub const USED: usize = 21;
/// Allocations that could not be recorded.
pub const LOST: usize = 22;
/// Allocations whose stack is beyond the limit.
pub const BEYOND: usize = 23;
/// The most threads that allocated at one time.
pub const MOST_THREADS: usize = 24;
pub const METHOD: usize = 25;
pub const PERIOD: usize = 26;
pub const UNARMED: usize = 27;
/// Processes that were forked.
pub const CHILDREN_LEN: usize = 28;
/// As `COUNTERS`: what each state counts of temporary blocks; and a word that is neither 0 nor all ones while its thread
/// records an event.
pub const TEMPORARIES: usize = 29;
pub const BUSY: usize = 30;
/// The number of forks that this process started.
pub const FORKS: usize = 31;
/// Which allocations have their stack recorded: one byte in so many; 0 records all. Where it is 0, the tool may set it at
/// any time.
pub const RATE: usize = 32;
/// A rate at which no block is recorded.
pub const COUNTS_ONLY: u64 = 1 << 56;
/// Beside the depth of a stack in a ring: the walk did not reach the thread's start.
pub const CUT: u64 = 1 << 32;
/// Likewise: a wait of a sample that is shorter than [`WHOLE_WAIT_NS`], and stands for that much.
pub const SHORT: u64 = 1 << 33;
/// With a rate, a wait that is shorter than this is recorded with the probability of its share of it.
pub const WHOLE_WAIT_NS: u64 = 1_000_000;
/// As `COUNTERS`: nanoseconds that a state's thread spent on recording, by a sample of its events.
pub const SPENT: usize = 33;
/// Room for the tables of libraries that the program opens, and its length; 0 if no tool makes any. How many the program has
/// asked for; how many the tool has made; where the last one lies in the room, and its length.
pub const LIBRARIES: usize = 104;
pub const LIBRARIES_LEN: usize = 105;
pub const WANTED_LIBRARIES: usize = 106;
pub const DONE_LIBRARIES: usize = 107;
pub const LIBRARY_AT: usize = 108;
pub const LIBRARY_LEN: usize = 109;
/// The ring of stacks that the tool asked for.
pub const STACKS: usize = 34;
pub const STACKS_LEN: usize = 35;
/// The thread that attends to the tool (`attend`), and the time when it last looked.
pub const ATTENDANT: usize = 36;
pub const TICK: usize = 37;
/// As `COUNTERS`: the number of a state's thread, as in samples and waits.
pub const THREAD: usize = 38;
/// When the process ended by itself, as CLOCK_MONOTONIC has it; 0: not.
pub const EXITED: usize = 39;
/// Of `FORKS`, those whose children have their copy of the region, or want none.
pub const COPIED: usize = 98;
/// The counts when stacks began to be recorded, if that was later than the program's start.
pub const BEFORE: usize = 40;
/// Written by the tool: its time and its process, the samples a second that it wants, the number of the stacks of all
/// threads, the step of joining, and the length of its tables.
pub const TOOL_TICK: usize = 48;
pub const TOOL: usize = 49;
pub const WANTED_CPU: usize = 50;
pub const WANTED_STACKS: usize = 51;
pub const WANTED_STEP: usize = 52;
pub const TABLE_LEN: usize = 53;
/// What has been done of that, how many threads were asked, and where there is room for the tables.
pub const DONE_CPU: usize = 56;
pub const DONE_STACKS: usize = 57;
pub const DONE_STEP: usize = 58;
pub const ASKED_THREADS: usize = 59;
pub const TABLE: usize = 60;
/// Live bytes, but for what threads have not told yet; the most there were; the peak's number, and when it was.
pub const LIVE: usize = 64;
pub const MOST: usize = 72;
pub const PEAK: usize = 73;
pub const PEAK_AT: usize = 74;
pub const SAMPLES_NEXT: usize = 80;
pub const SAMPLES_LOST: usize = 81;
pub const WAITS_NEXT: usize = 88;
pub const WAITS_LOST: usize = 89;
pub const STACKS_NEXT: usize = 96;
pub const STACKS_LOST: usize = 97;
pub const CHILDREN: usize = 128;
pub const CHILDREN_MOST: usize = 128;
/// The version and the path, two lines, of the tool that made an executable to wait for it.
pub const MADE_BY: usize = 320;
pub const MADE_BY_LEN: usize = 60;
