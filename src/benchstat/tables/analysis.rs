//! Computes the cells of a table: summaries, comparisons with the first column, and the geometric mean of each column.

use libm::log;
use rustc_hash::FxHashMap as HashMap;

use super::gather::{GatheredCell, Gathering};
use crate::benchstat::query::projection::{KeyId, Projection};
use crate::benchstat::query::projections::Projections;
use crate::benchstat::scale::Scale;
use crate::benchstat::statistics::sample::{Analyst, Comparison, Sample, Summary};
use crate::benchstat::unit::{Class, Metadata};
use crate::results::names::one_line;
use crate::results::special::exp;

/// All tables of a comparison.
#[derive(Debug)]
pub struct Tables {
    /// The names of the keys that tables are split by.
    pub keys: Vec<String>,
    pub tables: Vec<Table>,
}

/// One table: the measurements in one unit with the same table key.
#[derive(Debug)]
pub struct Table {
    /// The values of [`Tables::keys`].
    pub key: Vec<String>,
    pub unit: String,
    /// The values of the keys that form the columns, column by column.
    pub columns: Vec<Vec<String>>,
    pub rows: Vec<Row>,
    /// By column.
    pub means: Vec<Mean>,
}

#[derive(Debug)]
pub struct Row {
    pub label: String,
    /// By column; not every column has a measurement.
    pub cells: Vec<Option<Cell>>,
}

#[derive(Debug)]
pub struct Cell {
    pub summary: Summary,
    /// Compared with the cell of the first column; set if both exist.
    pub comparison: Option<Comparison>,
    /// The measurements differ in keys that are not shown.
    pub mixture: Option<String>,
}

/// The bottom of a column.
#[derive(Debug, Default)]
pub struct Mean {
    /// Of the centers, in the unit of the table.
    pub center: Option<f64>,
    /// Of their ratios to the first column.
    pub ratio: Option<f64>,
    pub warnings: Vec<&'static str>,
}

impl Tables {
    /// The lines above a table: an empty one between tables, and the keys that differ from those of the table before.
    pub fn heading(&self, index: usize) -> Vec<String> {
        let before = index.checked_sub(1).map(|before| &self.tables[before].key);
        let mut lines = Vec::new();
        if before.is_some() {
            lines.push(String::new());
        }
        for (place, (name, value)) in self.keys.iter().zip(&self.tables[index].key).enumerate() {
            if before.is_none_or(|before| before[place] != *value) {
                lines.push(format!("{name}: {}", one_line(value)));
            }
        }
        lines
    }
}

impl Row {
    /// One scale for all columns.
    pub fn scale(&self, class: Class) -> Scale {
        let centers: Vec<_> = self.cells.iter().flatten().map(|cell| cell.summary.center).collect();
        Scale::common(&centers, class)
    }
}

/// Analyses the gathered measurements.
pub fn analyse(gathering: Gathering, units: &Metadata, mut analyst: Analyst) -> Tables {
    let (projections, gathered) = gathering.finish();
    let mut by_table = HashMap::<KeyId, GatheredTable>::default();
    for (place, cell) in gathered {
        by_table.entry(place.table).or_default().insert((place.row, place.column), cell);
    }
    let ids = sorted(&projections.table, by_table.keys().copied());
    let fields: Vec<_> =
        projections.table.fields().into_iter().filter(|field| !projections.table.is_unit(*field)).collect();
    let tables = ids.into_iter().filter_map(|id| {
        let key = values(&projections.table, id, &fields);
        let unit = projections.table.unit(id);
        Some(table(key, unit, units.is_exact(unit), by_table.remove(&id)?, &projections, &mut analyst))
    });
    let tables = tables.collect();
    Tables { keys: fields.iter().map(|field| projections.table.name(*field).to_owned()).collect(), tables }
}

/// The cells of one table by row and column.
type GatheredTable = HashMap<(KeyId, KeyId), GatheredCell>;

fn values(projection: &Projection, id: KeyId, fields: &[usize]) -> Vec<String> {
    fields.iter().map(|field| projection.value(id, *field).to_owned()).collect()
}

fn table(
    key: Vec<String>,
    unit: &str,
    exact_unit: bool,
    mut cells: GatheredTable,
    projections: &Projections,
    analyst: &mut Analyst,
) -> Table {
    let Projections { row, column, residue, .. } = projections;
    let rows = sorted(row, cells.keys().map(|(row, _)| *row));
    let columns = sorted(column, cells.keys().map(|(_, column)| *column));
    let (row_fields, column_fields) = (row.fields(), column.fields());

    let mut analysed_row = |id: KeyId| {
        let mut baseline: Option<(Sample, Summary)> = None;
        let mut analysed = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let Some(cell) = cells.remove(&(id, *column)) else {
                analysed.push(None);
                continue;
            };
            let sample = Sample::new(cell.values, exact_unit || cell.exact);
            let summary = analyst.summarize(&sample);
            let comparison =
                baseline.as_ref().map(|(old, old_summary)| analyst.compare((old, old_summary), (&sample, &summary)));
            let varying = if cell.residues.len() > 1 { residue.varying(&cell.residues) } else { Vec::new() };
            let mixture = (!varying.is_empty()).then(|| format!("benchmarks vary in {}", varying.join(", ")));
            if index == 0 {
                baseline = Some((sample, summary.clone()));
            }
            analysed.push(Some(Cell { summary, comparison, mixture }));
        }
        Row { label: row.label(id, &row_fields), cells: analysed }
    };
    let rows: Vec<_> = rows.into_iter().map(&mut analysed_row).collect();
    let means = (0..columns.len()).map(|column| mean(&rows, column)).collect();
    let columns = columns.iter().map(|id| values(column, *id, &column_fields)).collect();
    Table { key, unit: unit.to_owned(), columns, rows, means }
}

fn sorted(projection: &Projection, ids: impl Iterator<Item = KeyId>) -> Vec<KeyId> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    projection.sort(&mut ids);
    ids
}

/// The geometric means of a column. The mean of the ratios, and not the ratio of the means: where the rows of two
/// columns differ, it is still a mean of something.
fn mean(rows: &[Row], column: usize) -> Mean {
    let is_baseline = column == 0;
    let baselines = rows.iter().filter(|row| row.cells[0].is_some()).count();
    let cells = || rows.iter().filter_map(|row| row.cells[column].as_ref());
    let centers: Vec<_> = cells().map(|cell| cell.summary.center).collect();
    let mut without_ratio = false;
    let mut ratios = Vec::with_capacity(centers.len());
    for (old, new) in cells().filter_map(|cell| cell.comparison.as_ref()).map(|comparison| comparison.centers) {
        ratios.push(match () {
            () if new == old => 1.0,
            () if old == 0.0 => {
                without_ratio = true;
                0.0
            }
            () => new / old,
        });
    }

    let mut mean = Mean { center: geometric_mean(&centers), ..Mean::default() };
    if !is_baseline && baselines != ratios.len() {
        mean.warnings.push("benchmark set differs from baseline; geomeans may not be comparable");
    }
    if mean.center.is_none() {
        mean.warnings.push("summaries must be >0 to compute geomean");
    }
    if !is_baseline && !without_ratio {
        mean.ratio = geometric_mean(&ratios);
        if mean.ratio.is_none() {
            mean.warnings.push("ratios must be >0 to compute geomean");
        }
    }
    mean
}

/// None without values, or if one is not above zero. The mean of the logarithms is updated value by value (Welford),
/// as in go-moremath.
fn geometric_mean(values: &[f64]) -> Option<f64> {
    let mut logarithm = 0.0;
    for (index, value) in values.iter().enumerate() {
        if value.is_nan() || *value <= 0.0 {
            return None;
        }
        logarithm += (log(*value) - logarithm) / (index + 1) as f64;
    }
    let mean = exp(logarithm);
    (!values.is_empty() && !mean.is_nan()).then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometric_means() {
        assert!((geometric_mean(&[2.0, 8.0]).unwrap() - 4.0).abs() < 1e-12);
        for values in [&[][..], &[1.0, 0.0], &[-1.0], &[f64::NAN]] {
            assert_eq!(geometric_mean(values), None, "{values:?}");
        }
    }
}
