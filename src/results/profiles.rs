//! The files beside the numbers.

use serde::{Deserialize, Serialize};

/// Absolute paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiles {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub block: Option<String>,
    /// dhat-heap.json, for DHAT's viewer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dhat: Option<String>,
}
