//! The values of the options.

/// The values of the options. Every field has its row in [`super::options::OPTIONS`], which explains it.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub output: String,
    pub call_tree: bool,
    pub relative_percentages: bool,
    pub unit: String,
    pub compact_labels: bool,
    pub source_path: String,
    pub trim_path: String,
    pub intel_syntax: bool,
    pub mean: bool,
    pub sample_index: String,
    pub divide_by: f64,
    pub normalize: bool,
    /// `flat` or `cum`.
    pub sort: String,
    pub tagroot: String,
    pub tagleaf: String,
    pub drop_negative: bool,
    /// -1: the report's own default.
    pub nodecount: i64,
    pub nodefraction: f64,
    pub edgefraction: f64,
    pub trim: bool,
    pub focus: String,
    pub ignore: String,
    pub prune_from: String,
    pub hide: String,
    pub show: String,
    pub show_from: String,
    pub tagfocus: String,
    pub tagignore: String,
    pub tagshow: String,
    pub taghide: String,
    pub noinlines: bool,
    pub showcolumns: bool,
    /// Empty: functions.
    pub granularity: String,
    pub per_op: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            output: String::new(),
            call_tree: false,
            relative_percentages: false,
            unit: "minimum".into(),
            compact_labels: false,
            source_path: String::new(),
            trim_path: String::new(),
            intel_syntax: false,
            mean: false,
            sample_index: String::new(),
            divide_by: 1.0,
            normalize: false,
            sort: "flat".into(),
            tagroot: String::new(),
            tagleaf: String::new(),
            drop_negative: false,
            nodecount: -1,
            nodefraction: 0.005,
            edgefraction: 0.001,
            trim: true,
            focus: String::new(),
            ignore: String::new(),
            prune_from: String::new(),
            hide: String::new(),
            show: String::new(),
            show_from: String::new(),
            tagfocus: String::new(),
            tagignore: String::new(),
            tagshow: String::new(),
            taghide: String::new(),
            noinlines: false,
            showcolumns: false,
            granularity: String::new(),
            per_op: false,
        }
    }
}
