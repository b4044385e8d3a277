use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::embed::{self, CodeSegment};
use crate::label;
use crate::proto::Message;
use crate::Result;

/// A finished profile: stacks and their values.
///
/// ```no_run
/// # fn main() -> memprof::Result<()> {
/// memprof::cpu::start(100)?;
/// // … work …
/// let profile = memprof::cpu::stop()?;
/// profile.write_to(std::fs::File::create("cpu.prof")?)?;
/// # Ok(())
/// # }
/// ```
pub struct Profile {
    pub(crate) types: &'static [(&'static str, &'static str)],
    pub(crate) default_type: &'static str,
    pub(crate) period: Option<(&'static str, &'static str, u64)>,
    pub(crate) stacks: Vec<Stack>,
    pub(crate) begun: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) comments: Vec<String>,
    /// Whether the innermost frames are the allocator's.
    pub(crate) is_heap: bool,
}

/// Addresses of calls, innermost first, and a value of each type.
pub(crate) struct Stack {
    pub addresses: Vec<u64>,
    pub values: Vec<u64>,
    pub label: u32,
    pub thread: Option<u32>,
}

/// A function's line, where it is known.
pub(crate) struct Frame {
    pub name: String,
    pub file: String,
    pub line: u32,
}

impl Profile {
    /// The sum of the values of one type over all stacks, such as `"samples"` or `"alloc_space"`; 0 of a type that it
    /// does not have.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
    /// # #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu"))] {
    /// memprof::heap::start(memprof::heap::Sample::Exact).unwrap();
    /// let kept = vec![0u8; 1000];
    /// let profile = memprof::heap::stop().unwrap();
    /// assert_eq!((profile.sum("alloc_objects"), profile.sum("alloc_space")), (1, 1000));
    /// # drop(kept);
    /// # }
    /// ```
    pub fn sum(&self, kind: &str) -> u64 {
        match self.types.iter().position(|&(name, _)| name == kind) {
            Some(at) => self.stacks.iter().map(|stack| stack.values[at]).sum(),
            None => 0,
        }
    }

    /// Takes the first `columns` of an earlier profile of the same recording away. Values below 0 wrap, as they are written.
    #[cfg(feature = "serve")]
    pub(crate) fn subtract(&mut self, earlier: &Profile, columns: usize) {
        let before: HashMap<&[u64], &[u64]> =
            earlier.stacks.iter().map(|stack| (stack.addresses.as_slice(), stack.values.as_slice())).collect();
        for stack in &mut self.stacks {
            if let Some(before) = before.get(stack.addresses.as_slice()) {
                let values = stack.values.iter_mut().zip(*before).take(columns);
                values.for_each(|(value, before)| *value = value.wrapping_sub(*before));
            }
        }
        self.stacks.retain(|stack| stack.values.iter().any(|&value| value != 0));
        self.duration = self.duration.saturating_sub(earlier.duration);
        self.begun += earlier.duration;
    }

    /// Writes it as a pprof protocol buffer, not compressed, with the mappings and build ids of the executable and its
    /// libraries.
    ///
    /// Without the feature `symbolize` it has addresses only: `cargo memprof pprof` and `go tool pprof` find the names
    /// in the files that it points to, as long as they are there. With it the names, inlined calls, files and lines are
    /// in it: that takes as long as reading the debug information of the program.
    ///
    /// # Errors
    ///
    /// The error that `out` returns.
    pub fn write_to(&self, mut out: impl Write) -> Result<()> {
        let bytes = embed::unrecorded(|| Writer::of(self).0);
        out.write_all(&bytes)?;
        out.flush()?;
        Ok(())
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let types: Vec<&str> = self.types.iter().map(|&(name, _)| name).collect();
        f.debug_struct("Profile").field("types", &types).field("stacks", &self.stacks.len()).finish()
    }
}

struct Writer<'a> {
    out: Message,
    strings: HashMap<String, u64>,
    texts: Vec<String>,
    segments: &'a [CodeSegment],
    /// By address, and how many innermost inlined calls are left out.
    locations: HashMap<(u64, usize), u64>,
    functions: HashMap<(String, String), u64>,
    frames: HashMap<u64, Vec<Frame>>,
}

impl Writer<'_> {
    fn of(profile: &Profile) -> Message {
        let segments = embed::segments();
        let mut writer = Writer {
            out: Message::default(),
            strings: HashMap::new(),
            texts: Vec::new(),
            segments: &segments,
            locations: HashMap::new(),
            functions: HashMap::new(),
            frames: HashMap::new(),
        };
        writer.string("");
        for &(name, unit) in profile.types {
            let kind = writer.value_type(name, unit);
            writer.out.message(1, kind);
        }
        writer.mappings();
        for stack in &profile.stacks {
            writer.sample(stack, profile.is_heap);
        }
        writer.end(profile);
        writer.out
    }

    fn string(&mut self, text: &str) -> u64 {
        if let Some(&number) = self.strings.get(text) {
            return number;
        }
        let number = self.texts.len() as u64;
        self.strings.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        number
    }

    fn value_type(&mut self, name: &str, unit: &str) -> Message {
        let mut message = Message::default();
        message.number(1, self.string(name));
        message.number(2, self.string(unit));
        message
    }

    fn mappings(&mut self) {
        /// Of program headers; larger pages are multiples of it.
        const PAGE: u64 = 4096;

        let segments = self.segments;
        for (i, segment) in segments.iter().enumerate() {
            let mut message = Message::default();
            message.number(1, i as u64 + 1);
            // In whole pages, as the kernel maps them: `go tool pprof` finds no program header otherwise.
            let before = segment.start % PAGE;
            message.number(2, segment.start - before);
            message.number(3, segment.end + segment.end.wrapping_neg() % PAGE);
            message.number(4, segment.file_offset.saturating_sub(before));
            message.number(5, self.string(&String::from_utf8_lossy(&segment.path)));
            let id: String = segment.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
            message.number(6, self.string(&id));
            if cfg!(feature = "symbolize") {
                // Else pprof would look the names up again.
                (7..=10).for_each(|field| message.number(field, 1));
            }
            self.out.message(3, message);
        }
    }

    fn sample(&mut self, stack: &Stack, is_heap: bool) {
        let mut addresses = stack.addresses.as_slice();
        let mut left_out = 0;
        for &address in addresses {
            self.look_up(address);
        }
        // The leaf is what a programmer calls.
        while let (true, Some((&first, rest))) = (is_heap, addresses.split_first()) {
            let frames = &self.frames[&first];
            let ours = frames.iter().take_while(|frame| is_plumbing(&frame.name)).count();
            if ours == 0 || ours < frames.len() || rest.is_empty() {
                left_out = if ours < frames.len() { ours } else { 0 };
                break;
            }
            addresses = rest;
        }
        let mut message = Message::default();
        let mut locations = Vec::with_capacity(addresses.len());
        for (i, &address) in addresses.iter().enumerate() {
            locations.push(self.location(address, if i == 0 { left_out } else { 0 }));
        }
        message.numbers(1, locations);
        message.numbers(2, stack.values.iter().copied());
        for (key, value) in label::texts(stack.label) {
            let mut label = Message::default();
            label.number(1, self.string(&key));
            label.number(2, self.string(&value));
            message.message(3, label);
        }
        if let Some(thread) = stack.thread {
            let mut label = Message::default();
            label.number(1, self.string("thread"));
            label.number(3, u64::from(thread));
            message.message(3, label);
        }
        self.out.message(2, message);
    }

    fn look_up(&mut self, address: u64) {
        self.frames.entry(address).or_insert_with(|| {
            #[cfg(feature = "symbolize")]
            return crate::symbolize::frames(address);
            #[cfg(not(feature = "symbolize"))]
            Vec::new()
        });
    }

    fn location(&mut self, address: u64, left_out: usize) -> u64 {
        if let Some(&number) = self.locations.get(&(address, left_out)) {
            return number;
        }
        let number = self.locations.len() as u64 + 1;
        self.locations.insert((address, left_out), number);
        let mut message = Message::default();
        message.number(1, number);
        let mapping = self.segments.iter().position(|segment| (segment.start..segment.end).contains(&address));
        message.number(2, mapping.map_or(0, |at| at as u64 + 1));
        message.number(3, address);
        let frames = self.frames.remove(&address).unwrap_or_default();
        for frame in &frames[left_out.min(frames.len())..] {
            let mut line = Message::default();
            line.number(1, self.function(frame));
            line.number(2, u64::from(frame.line));
            message.message(4, line);
        }
        self.frames.insert(address, frames);
        self.out.message(4, message);
        number
    }

    fn function(&mut self, frame: &Frame) -> u64 {
        let key = (frame.name.clone(), frame.file.clone());
        if let Some(&number) = self.functions.get(&key) {
            return number;
        }
        let number = self.functions.len() as u64 + 1;
        self.functions.insert(key, number);
        let mut message = Message::default();
        message.number(1, number);
        let name = self.string(&frame.name);
        message.number(2, name);
        message.number(3, name);
        message.number(4, self.string(&frame.file));
        self.out.message(5, message);
        number
    }

    fn end(&mut self, profile: &Profile) {
        let begun = profile.begun.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.out.number(9, begun.as_nanos() as u64);
        self.out.number(10, profile.duration.as_nanos() as u64);
        if let Some((name, unit, period)) = profile.period {
            let kind = self.value_type(name, unit);
            self.out.message(11, kind);
            self.out.number(12, period);
        }
        for comment in &profile.comments {
            let comment = self.string(comment);
            self.out.number(13, comment);
        }
        let default = self.string(profile.default_type);
        self.out.number(14, default);
        for text in std::mem::take(&mut self.texts) {
            self.out.bytes(6, text.as_bytes());
        }
    }
}

/// The part of a stack below `Vec::push`, `Box::new` and their like.
pub(crate) fn is_plumbing(name: &str) -> bool {
    const OURS: [&str; 8] =
        ["memprof::", "memprof_rt::", "__rust_", "__rustc::", "__rdl_", "__rg_", "alloc::alloc::", "alloc::raw_vec::"];
    let name = name.trim_start_matches('<');
    OURS.iter().any(|prefix| name.starts_with(prefix)) || name.starts_with("std::alloc::System")
}
