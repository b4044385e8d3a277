//! Measurements gathered into cells: a table for each key and unit, in it a cell for each row and column.

use rustc_hash::FxHashMap as HashMap;

use crate::benchstat::input::record::Record;
use crate::benchstat::query::projection::KeyId;
use crate::benchstat::query::projections::Projections;

/// The values of one cell.
#[derive(Debug)]
pub struct GatheredCell {
    pub values: Vec<f64>,
    /// All of the values are exact counts.
    pub exact: bool,
    /// The values of the keys other than table, row and column; more than one set is worth a warning.
    pub residues: Vec<KeyId>,
}

/// The cell of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    pub table: KeyId,
    pub row: KeyId,
    pub column: KeyId,
}

#[derive(Debug)]
pub struct Gathering {
    pub projections: Projections,
    cells: Vec<GatheredCell>,
    /// Indices into `cells`.
    places: HashMap<Place, usize>,
    /// The table keys of the measurement at hand.
    table_ids: Vec<KeyId>,
    /// The places of the previous measurement's values, because the next ones mostly go to the same places.
    last: Vec<(Place, usize)>,
}

impl Gathering {
    pub fn new(projections: Projections) -> Self {
        Gathering {
            projections,
            cells: Vec::new(),
            places: HashMap::default(),
            table_ids: Vec::new(),
            last: Vec::new(),
        }
    }

    pub fn add(&mut self, record: &Record<'_>) {
        let projections = &mut self.projections;
        projections.table.project_values(record, &mut self.table_ids);
        let row = projections.row.project(record);
        let column = projections.column.project(record);
        let residue = projections.residue.project(record);
        for index in 0..record.values.len() {
            let value = &record.values[index];
            let cell = self.cell(index, Place { table: self.table_ids[index], row, column });
            cell.values.push(value.value);
            cell.exact &= value.exact;
            if !cell.residues.contains(&residue) {
                cell.residues.push(residue);
            }
        }
    }

    /// The cell for the value number `index` of a measurement.
    fn cell(&mut self, index: usize, place: Place) -> &mut GatheredCell {
        let cell = match self.last.get(index) {
            Some((last, cell)) if *last == place => *cell,
            _ => {
                let next = self.cells.len();
                let cell = *self.places.entry(place).or_insert(next);
                if cell == next {
                    self.cells.push(GatheredCell { values: Vec::new(), exact: true, residues: Vec::new() });
                }
                self.last.resize(self.last.len().max(index + 1), (place, cell));
                self.last[index] = (place, cell);
                cell
            }
        };
        &mut self.cells[cell]
    }

    /// The projections, and the cells with their places in the order of appearance.
    pub fn finish(self) -> (Projections, Vec<(Place, GatheredCell)>) {
        let mut places: Vec<_> = self.places.into_iter().collect();
        places.sort_unstable_by_key(|(_, cell)| *cell);
        let places = places.into_iter().map(|(place, _)| place);
        (self.projections, places.zip(self.cells).collect())
    }
}
