//! One opened module: it tries the debug information first, then the symbol table, and at last the bare offset.
//!
//! Nothing here fails: a profile with `libfoo.so+0x1234` in one place is worth more than no profile. A [`Status`]
//! records missing information, so that it is reported once.

use std::borrow::Cow;
use std::ops::Range;

use object::Object;

use super::frame::Frame;
use super::lines::{Line, Lines};
use super::name;
use super::symbols::Symbols;
use crate::records::Module;
use crate::unwind;

/// How well a module's addresses can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Only as module and offset.
    Offsets,
    /// Functions, from the symbol table.
    Functions,
    /// Functions, lines and inlined calls.
    Lines,
}

/// The result of opening a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub detail: Detail,
    /// The reason for a worse status, if something is wrong: missing, replaced, damaged, split. Being stripped is not
    /// wrong.
    pub problem: Option<String>,
}

/// A module's names.
pub(super) struct Opened {
    /// The file's name, for code without any other name.
    name: String,
    lines: Option<Lines>,
    symbols: Symbols,
    /// The start addresses of functions, for those without a name; sorted. Only for modules without debug information.
    functions: Vec<Range<u64>>,
    pub status: Status,
}

impl Opened {
    pub fn open(module: &Module) -> Opened {
        let name = module.path.file_name().unwrap_or(module.path.as_os_str()).to_string_lossy().into_owned();
        let Loaded { lines, symbols, functions, problem } =
            load(module).unwrap_or_else(|problem| Loaded { problem: Some(problem), ..Loaded::default() });
        let detail = match (&lines, symbols.is_empty()) {
            (Some(_), _) => Detail::Lines,
            (None, false) => Detail::Functions,
            (None, true) => Detail::Offsets,
        };
        Opened { name, lines, symbols, functions, status: Status { detail, problem } }
    }

    /// A module for which only this is known.
    pub fn of(lines: Option<Lines>, symbols: Symbols) -> Opened {
        let status = Status { detail: Detail::Lines, problem: None };
        Opened { name: String::new(), lines, symbols, functions: Vec::new(), status }
    }

    /// The frames at `address` (as in the file), innermost first; at least one.
    pub fn frames(&mut self, address: u64) -> Vec<Frame> {
        let mut frames = self.known_frames(address);
        for frame in &mut frames {
            if frame.function.is_empty() {
                // Named by its function's start, so that samples all over a nameless function belong to one function.
                frame.function = format!("{}+{:#x}", self.name, self.function_start(address).unwrap_or(address));
            }
        }
        frames
    }

    /// The same, but a function without a name keeps none.
    pub fn known_frames(&mut self, address: u64) -> Vec<Frame> {
        let found = self.lines.as_mut().map(|lines| lines.find(address)).unwrap_or_default();
        if found.split && self.status.problem.is_none() {
            self.status.problem = Some("its debug information is split into other files, which are not read".into());
        }
        let symbol = self.symbols.find(address);
        let mut lines = found.lines;
        let outermost = lines.pop();
        let mut frames: Vec<_> = lines.into_iter().map(|line| frame(line, None, true)).collect();
        frames.push(match outermost {
            Some(line) => frame(line, symbol, false),
            None => named(symbol),
        });
        frames
    }

    /// Where the function that holds `address` begins.
    pub fn start(&self, address: u64) -> Option<u64> {
        self.symbols.start(address).or_else(|| self.function_start(address))
    }

    fn function_start(&self, address: u64) -> Option<u64> {
        let after = self.functions.partition_point(|function| function.start <= address);
        let function = &self.functions[after.checked_sub(1)?];
        function.contains(&address).then_some(function.start)
    }
}

#[derive(Default)]
struct Loaded {
    lines: Option<Lines>,
    symbols: Symbols,
    functions: Vec<Range<u64>>,
    problem: Option<String>,
}

/// Fails with a phrase if the file is unusable.
fn load(module: &Module) -> Result<Loaded, String> {
    let data = match &module.image {
        Some(image) => Cow::Borrowed(&image[..]),
        None => Cow::Owned(std::fs::read(&module.path).map_err(|error| error.to_string())?),
    };
    let file = object::File::parse(&data[..]).map_err(|error| format!("not an object file: {error}"))?;
    let build_id = file.build_id().ok().flatten().unwrap_or_default();
    if build_id != module.build_id && !module.build_id.is_empty() {
        return Err("the file was replaced after the run: its build id is another".into());
    }
    let symbols = Symbols::load(&file);
    let (lines, problem) = match Lines::load(&file) {
        Ok(lines) => (lines, None),
        Err(error) => (None, Some(format!("its debug information cannot be read: {error}"))),
    };
    let functions = if lines.is_none() { unwind::functions(&data) } else { Vec::new() };
    Ok(Loaded { lines, symbols, functions, problem })
}

/// With `symbol`, the linker's name of the code, if the debug information has only the bare one (`line-tables-only`).
fn frame(line: Line, symbol: Option<&str>, inlined: bool) -> Frame {
    let mangled = line.name.as_deref().and_then(name::mangled);
    let (function, system_name) = match (mangled, line.name, symbol) {
        (Some(function), Some(linkage), _) => (function, linkage),
        (None, Some(bare), Some(symbol)) => match name::mangled(symbol) {
            Some(function) => (function, symbol.to_owned()),
            None => (bare, symbol.to_owned()),
        },
        (_, Some(bare), None) => (bare, String::new()),
        (_, None, Some(symbol)) => (name::demangle(symbol), symbol.to_owned()),
        (_, None, None) => Default::default(),
    };
    Frame {
        function,
        system_name,
        file: line.file.unwrap_or_default(),
        line: line.line,
        column: line.column,
        inlined,
        start_line: line.start_line,
    }
}

fn named(symbol: Option<&str>) -> Frame {
    let system_name = symbol.unwrap_or_default().to_owned();
    Frame { function: name::demangle(&system_name), system_name, ..Frame::default() }
}
