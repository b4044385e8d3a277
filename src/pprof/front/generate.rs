//! A profile and a command → the report's bytes: every front end (flags, shell, page, fuzzing) uses this.

use super::arguments::Invocation;
use super::command::Format;
use super::config::Config;
use super::fetch::{FIXED_POINT, Loaded};
use super::focus::{self, Warn};
use crate::pprof::profile::{Details, LabelUnits, Pattern, Profile, path};
use crate::pprof::reports::report::{Choices, Report};
use crate::pprof::reports::{callgrind, dot, folded, list, proto, raw, speedscope, tags, text, traces, tree};

/// Makes the report that `invocation` asks for.
pub fn generate(loaded: Loaded, invocation: &Invocation, config: &Config, warn: Warn<'_>) -> Result<Vec<u8>, String> {
    render(&mut prepare(loaded, invocation, config, warn)?, warn)
}

/// Filters and aggregates the profile for the report.
pub fn prepare(mut loaded: Loaded, invocation: &Invocation, config: &Config, warn: Warn<'_>) -> Result<Report, String> {
    let units = label_units(&loaded.profile, warn);
    let config = overridden(config, invocation);
    if config.per_op && invocation.command.format != Format::Raw {
        loaded.divide_by_iterations()?;
    }
    let per_op = loaded.per_op;
    let mut profile = loaded.profile;
    add_label_frames(&mut profile, &config, warn);
    if config.relative_percentages {
        focus::apply(&mut profile, &units, &config, warn)?;
    }
    let mut choices = choices(&profile, units.clone(), &config, invocation.command.format, per_op)?;
    if let Some(argument) = &invocation.argument {
        let pattern = Pattern::new(argument).map_err(|error| format!("parsing argument regexp {argument}: {error}"))?;
        choices.symbol = Some(pattern);
    }
    let mut report = Report::new(profile, choices);
    if !config.relative_percentages {
        focus::apply(&mut report.profile, &units, &config, warn)?;
    }
    if let Some(details) = details(&config)? {
        if !details.filename {
            let functions = report.profile.functions.iter();
            report.files = functions.map(|function| (function.name.clone(), function.filename.clone())).collect();
        }
        report.profile.aggregate(details);
    }
    Ok(report)
}

/// A report on the whole profile, for its header.
pub fn overview(profile: &Profile, config: &Config, per_op: bool, warn: Warn<'_>) -> Result<Report, String> {
    let units = label_units(profile, warn);
    // Labels and header lines do not need the samples' stacks, but the total needs their values.
    let choices = choices(profile, units, config, Format::Text, per_op)?;
    Ok(Report::new(profile.clone(), choices))
}

/// Prints a prepared report.
pub fn render(report: &mut Report, warn: Warn<'_>) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    let done = |result: std::fmt::Result| result.map_err(|error| error.to_string());
    match report.choices.format {
        Format::Text => done(text::print(report, &mut out))?,
        Format::Tree => tree::print(report, &mut out)?,
        Format::List => list::print(report, &mut out)?,
        Format::Traces => done(traces::print(report, &mut out))?,
        Format::Tags => done(tags::print(report, &mut out))?,
        Format::Raw => done(raw::print(&report.profile, &mut out))?,
        Format::Dot => done(dot::print(report, &mut out))?,
        Format::Callgrind => done(callgrind::print(report, &mut out))?,
        Format::Folded => {
            let note = folded::print(report, &mut out).map_err(|error| error.to_string())?;
            note.iter().for_each(|note| warn(note));
        }
        Format::Speedscope => speedscope::print(report, &mut out)?,
        Format::Comments => report.profile.comments.iter().for_each(|comment| {
            out.push_str(comment);
            out.push('\n');
        }),
        Format::Proto => return Ok(proto::filtered(report)),
        Format::TopProto => return Ok(proto::top(report)),
        Format::Disassembly => {
            return Err("disasm: there is no disassembler here; use `list` for the source lines".into());
        }
        Format::WebList => {
            return Err(
                "weblist: there is no disassembler here; use `list` for the source lines, or the page's source view"
                    .into(),
            );
        }
    }
    Ok(out.into_bytes())
}

/// The units of numeric labels; warns about keys with several units.
fn label_units(profile: &Profile, warn: Warn<'_>) -> LabelUnits {
    let (units, ignored) = profile.label_units();
    for (key, others) in ignored {
        let others: Vec<&str> = others.iter().map(|unit| &**unit).collect();
        warn(&format!("For tag {key} used unit {}, also encountered unit(s) {}", units[&key], others.join(", ")));
    }
    units
}

/// The options as this command needs them: some never trim, some choose their granularity.
fn overridden(config: &Config, invocation: &Invocation) -> Config {
    let mut config = config.clone();
    let mut trim = config.trim;
    match invocation.command.name {
        "disasm" => {
            trim = false;
            config.granularity = "addresses".into();
            config.noinlines = true;
        }
        "weblist" => {
            trim = false;
            config.granularity = "addresses".into();
            config.noinlines = false;
        }
        "peek" => trim = false,
        "list" => {
            trim = false;
            config.granularity = "lines".into();
        }
        "text" | "top" | "topproto" if config.nodecount == -1 => config.nodecount = 0,
        _ if config.nodecount == -1 => config.nodecount = 80,
        _ => {}
    }
    if matches!(invocation.command.format, Format::Proto | Format::Raw | Format::Callgrind) {
        trim = false;
        config.granularity = "addresses".into();
    }
    if !trim {
        config.nodecount = 0;
        config.nodefraction = 0.0;
        config.edgefraction = 0.0;
    }
    config
}

fn add_label_frames(profile: &mut Profile, config: &Config, warn: Warn<'_>) {
    let keys =
        |list: &'_ str| -> Vec<String> { list.split(',').filter(|key| !key.is_empty()).map(Into::into).collect() };
    let (roots, leaves) = (keys(&config.tagroot), keys(&config.tagleaf));
    let (any_root, any_leaf) = profile.add_label_frames(&roots, &leaves, &config.unit);
    if !config.tagroot.is_empty() && !any_root {
        warn("TagRoot expression matched no samples");
    }
    if !config.tagleaf.is_empty() && !any_leaf {
        warn("TagLeaf expression matched no samples");
    }
}

fn choices(
    profile: &Profile,
    label_units: LabelUnits,
    config: &Config,
    format: Format,
    per_op: bool,
) -> Result<Choices, String> {
    if profile.sample_types.is_empty() {
        return Err("profile has no samples".into());
    }
    let value_index = profile.sample_index(&config.sample_index)?;
    let value_type = &profile.sample_types[value_index];
    if config.divide_by == 0.0 {
        return Err("zero divisor specified".into());
    }
    let filters = [
        ("focus", &config.focus),
        ("ignore", &config.ignore),
        ("hide", &config.hide),
        ("show", &config.show),
        ("show_from", &config.show_from),
        ("tagfocus", &config.tagfocus),
        ("tagignore", &config.tagignore),
        ("tagshow", &config.tagshow),
        ("taghide", &config.taghide),
    ];
    let main = profile.mappings.first().filter(|main| !main.file.is_empty());
    let mean = if config.mean { "mean_" } else { "" };
    let each = if per_op { " per op" } else { "" };
    Ok(Choices {
        format,
        cum_sort: config.sort == "cum",
        call_tree: config.call_tree,
        drop_negative: config.drop_negative,
        compact_labels: config.compact_labels,
        ratio: 1.0 / config.divide_by,
        fixed_point: if per_op { FIXED_POINT } else { 0.0 },
        title: main.map(|main| path::base(&main.file).to_string()).unwrap_or_default(),
        filters: filters
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        label_units,
        node_count: config.nodecount,
        node_fraction: config.nodefraction,
        edge_fraction: config.edgefraction,
        value_index,
        mean: config.mean,
        sample_type: format!("{mean}{}{each}", value_type.kind),
        sample_unit: value_type.unit.to_string(),
        output_unit: config.unit.clone(),
        symbol: None,
        source_path: config.source_path.clone(),
        trim_path: config.trim_path.clone(),
    })
}

/// The details that the granularity keeps; `None`: everything.
fn details(config: &Config) -> Result<Option<Details>, String> {
    let inlined = !config.noinlines;
    let base = Details { inlined, column: config.showcolumns, ..Details::default() };
    Ok(Some(match config.granularity.as_str() {
        "" | "functions" => Details { function: true, ..base },
        "addresses" if inlined => return Ok(None),
        "addresses" => Details { function: true, filename: true, line: true, address: true, ..base },
        "lines" => Details { function: true, filename: true, line: true, ..base },
        "files" => Details { filename: true, ..base },
        "filefunctions" => Details { function: true, filename: true, ..base },
        _ => return Err("unexpected granularity".into()),
    }))
}
