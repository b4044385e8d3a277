//! Measurements gathered into cells: a table for each key and unit, in it a cell for each row and column.

use rustc_hash::FxHashMap as HashMap;

use crate::compare::input::record::Record;
use crate::compare::query::projection::KeyId;
use crate::compare::query::projections::Projections;

/// The values of one cell.
#[derive(Debug)]
pub struct GatheredCell {
    pub values: Vec<f64>,
    /// All of the values were counted exactly.
    pub exact: bool,
    /// What the measurements are besides table, row and column; more than one is worth a warning.
    pub residues: Vec<KeyId>,
}

/// The cells of one table by row and column.
pub type GatheredTable = HashMap<(KeyId, KeyId), GatheredCell>;

#[derive(Debug)]
pub struct Gathering {
    pub projections: Projections,
    pub tables: HashMap<KeyId, GatheredTable>,
    /// The table keys of the measurement at hand.
    table_ids: Vec<KeyId>,
}

impl Gathering {
    pub fn new(projections: Projections) -> Self {
        Gathering { projections, tables: HashMap::default(), table_ids: Vec::new() }
    }

    pub fn add(&mut self, record: &Record<'_>) {
        let projections = &mut self.projections;
        projections.table.project_values(record, &mut self.table_ids);
        let row = projections.row.project(record);
        let column = projections.column.project(record);
        let residue = projections.residue.project(record);
        for (value, table) in record.values.iter().zip(&self.table_ids) {
            let cell = self.tables.entry(*table).or_default().entry((row, column)).or_insert_with(|| GatheredCell {
                values: Vec::new(),
                exact: true,
                residues: Vec::new(),
            });
            cell.values.push(value.value);
            cell.exact &= value.exact;
            if !cell.residues.contains(&residue) {
                cell.residues.push(residue);
            }
        }
    }
}
