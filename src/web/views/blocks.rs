//! Sizes and lives of blocks as histograms whose bars filter a flame graph: a class of sizes or lives is a sample type.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::explain::Blocks;
use crate::pprof::profile::{Builder, Line, Profile, ValueType};

/// The classes that occur.
pub struct Classes {
    /// Powers of two at or below the size; `None` for sizes that are not told apart.
    sizes: Vec<Option<u32>>,
    /// Powers of two at or below the number of events; `None` for blocks that outlive the operation.
    lives: Vec<Option<u32>>,
}

fn class(size: u64) -> Option<u32> {
    Some(size.max(1).ilog2())
}

impl Classes {
    pub fn of(blocks: &Blocks) -> Classes {
        // What is not told apart comes last.
        let sorted = |all: BTreeSet<Option<u32>>| {
            let (none, some): (Vec<_>, Vec<_>) = all.into_iter().partition(Option::is_none);
            [some, none].concat()
        };
        let sizes = blocks.stacks.iter().flat_map(|stack| {
            let others = (stack.other_calls > 0).then_some(None);
            stack.sizes.iter().map(|(size, _)| class(*size)).chain(others)
        });
        let lives = blocks.stacks.iter().flat_map(|stack| stack.lives.iter().map(|(life, _)| *life));
        Classes { sizes: sorted(sizes.collect()), lives: sorted(lives.collect()) }
    }

    /// Calls by size, bytes by size, blocks by life.
    pub fn types(&self) -> Vec<ValueType> {
        let named = |prefix: &str, unit: &str, all: &[Option<u32>]| {
            let name = |class: &Option<u32>| class.map_or("rest".to_owned(), |class| class.to_string());
            all.iter().map(|class| ValueType::new(&format!("{prefix}{}", name(class)), unit)).collect::<Vec<_>>()
        };
        [
            named("calls", "count", &self.sizes),
            named("bytes", "bytes", &self.sizes),
            named("lives", "count", &self.lives),
        ]
        .concat()
    }

    pub fn profile(&self, blocks: &Blocks) -> Profile {
        let types = self.types();
        let count = types.len();
        let mut builder = Builder::new(types);
        for stack in &blocks.stacks {
            let locations = stack.frames.iter().filter_map(|&frame| blocks.frames.get(frame as usize));
            let locations: Vec<u32> = locations
                .map(|(name, file, line)| {
                    let function = builder.function(name, name, file, 0);
                    builder.location(None, 0, vec![Line { function, line: i64::from(*line), column: 0 }])
                })
                .collect();
            let mut values = vec![0; count];
            let place = |all: &[Option<u32>], class: Option<u32>| all.iter().position(|one| *one == class);
            for &(size, calls) in &stack.sizes {
                if let Some(at) = place(&self.sizes, class(size)) {
                    values[at] += calls as i64;
                    values[self.sizes.len() + at] += (size * calls) as i64;
                }
            }
            if let Some(at) = place(&self.sizes, None) {
                values[at] += stack.other_calls as i64;
            }
            for &(life, number) in &stack.lives {
                if let Some(at) = place(&self.lives, life) {
                    values[2 * self.sizes.len() + at] += number as i64;
                }
            }
            builder.sample(locations, values, vec![]);
        }
        builder.finish()
    }

    /// The data of the view.
    pub fn view(&self, blocks: &Blocks, flame: Value) -> Value {
        // Calls and bytes of each class, by kind of operation.
        let sizes = self.sizes.iter().map(|class_of_bar| {
            let mut calls = vec![0; blocks.kinds.len()];
            let mut bytes = vec![0; blocks.kinds.len()];
            for stack in &blocks.stacks {
                for &(size, number) in stack.sizes.iter().filter(|(size, _)| class(*size) == *class_of_bar) {
                    calls[stack.kind] += number;
                    bytes[stack.kind] += size * number;
                }
                calls[stack.kind] += if class_of_bar.is_none() { stack.other_calls } else { 0 };
            }
            json!({ "class": class_of_bar, "calls": calls, "bytes": bytes })
        });
        let lives = self.lives.iter().map(|class| {
            let of = |stack: &crate::explain::BlockStack| {
                stack.lives.iter().filter(|(life, _)| life == class).map(|(_, number)| number).sum::<u64>()
            };
            json!({ "class": class, "blocks": blocks.stacks.iter().map(of).sum::<u64>() })
        });
        json!({
            "followed": blocks.followed,
            "kinds": blocks.kinds,
            "sizes": sizes.collect::<Vec<_>>(),
            "lives": lives.collect::<Vec<_>>(),
            "all_lives": blocks.all_lives,
            "curve": blocks.curve,
            "events": blocks.events,
            "flame": flame,
        })
    }
}
