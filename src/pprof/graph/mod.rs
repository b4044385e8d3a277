//! The call graph of a profile: nodes (functions, lines, files or addresses) with flat and cumulative values, and
//! weighted edges between callers and callees. It is built from the samples, trimmed and ordered; it does not depend
//! on any output format.

mod build;
mod edges;
mod labels;
mod node;
mod order;
mod shorten;
mod tag;
mod tree;
mod trim;
mod walk;

pub use build::{Edges, Interner, Options, location_infos};
pub use node::{Edge, EdgeId, Graph, Node, NodeId, NodeInfo, NodeKey};
pub use order::Order;
pub use shorten::shorten_function_name;
pub use tag::{MAX_NODELETS, Tag, TagMap, sort_tags};
