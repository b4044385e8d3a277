//! The names of a running program: of its code, found once for each address, and of its threads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::measure::is_file_of;
use crate::os::{Pid, identity};
use crate::programs::recorded;
use crate::programs::region::{Region, word};
use crate::records::Module;
use crate::symbolize::Symbolizer;

pub struct Names {
    /// The objects of the process, as it knows them.
    pub modules: Vec<Module>,
    pub symbolizer: Symbolizer,
    pub threads: ThreadNames,
    /// The process's folder in /proc.
    process: PathBuf,
    /// Bytes of the log that have been read.
    log: u64,
}

impl Names {
    pub fn new(pid: Pid) -> Names {
        Names {
            modules: Vec::new(),
            symbolizer: Symbolizer::new(&[]),
            threads: ThreadNames::default(),
            process: format!("/proc/{}", pid.as_raw_nonzero()).into(),
            log: 0,
        }
    }

    /// Reads the objects that were loaded since.
    pub fn look(&mut self, region: &Region) {
        let header = region.header();
        let log = header.word(word::LOG_LEN);
        if log != self.log {
            self.log = log;
            self.modules = recorded::log(region, &header).modules;
            let readable = self.readable();
            self.symbolizer.learn(&readable);
            // The program's own file is the one that is built anew while it runs.
            self.symbolizer.read(0);
        }
    }

    /// Each object as it can be read from here: its file may have been replaced since the program was started, or lie
    /// in another tree of files.
    pub fn readable(&self) -> Vec<Module> {
        let (exe, root) = (self.process.join("exe"), self.process.join("root"));
        let is_elsewhere = identity(&root).is_some() && identity(&root) != identity(Path::new("/"));
        let readable = |(index, module): (usize, &Module)| {
            let is_another = || identity(&exe).is_some() && identity(&exe) != identity(&module.path);
            // Of a program under an emulator it is the emulator.
            let is_there = || !module.build_id.is_empty() && is_file_of(module, &module.path);
            let path = if index == 0 && is_another() && !is_there() {
                exe.clone()
            } else if index > 0 && is_elsewhere && module.image.is_none() {
                root.join(module.path.strip_prefix("/").unwrap_or(&module.path))
            } else {
                module.path.clone()
            };
            Module { path, ..module.clone() }
        };
        self.modules.iter().enumerate().map(readable).collect()
    }
}

/// Names of threads by their numbers, also of those that have ended.
#[derive(Default)]
pub struct ThreadNames(HashMap<u32, String>);

impl ThreadNames {
    pub fn note(&mut self, threads: impl IntoIterator<Item = (u32, String)>) {
        /// Beyond this number, those that have ended are forgotten.
        const MOST: usize = 10_000;
        if self.0.len() > MOST {
            self.0.clear();
        }
        self.0.extend(threads);
    }

    pub fn name(&self, number: u32) -> String {
        match (number, self.0.get(&number)) {
            (0, _) => "main".to_owned(),
            (_, Some(name)) => name.clone(),
            (_, None) => format!("thread {number}"),
        }
    }
}
