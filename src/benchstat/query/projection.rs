//! Projections: they group measurements by the values of chosen keys.
//!
//! A measurement's values for a projection's keys make a tuple, and equal tuples are one [`KeyId`]: tables, rows and
//! columns are maps from these. The keys of `.config` are not known in advance; fields are added as the files bring
//! them, and a tuple from before means the same as one with nothing in the new fields.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::rc::Rc;

use rustc_hash::FxHashMap as HashMap;

use super::key::{FullName, Key};
use super::order::Order;
use crate::benchstat::input::record::{Record, Revision};

/// A tuple of values of one projection; ids are equal where the tuples are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u32);

/// An interned value; 0 is the empty one.
type Symbol = u32;

/// The keys that the projections of a comparison name one by one, which `.config` and `.fullname` therefore leave out.
#[derive(Debug, Default)]
pub struct Claimed {
    pub config: HashSet<String>,
    pub full_name: FullName,
}

/// The source of the values for one element of the expression.
#[derive(Debug)]
pub enum Source {
    Config(Order),
    FullName(Order),
    Key(String, Key, Order),
}

/// How one element fills the tuple.
#[derive(Debug)]
enum Filler {
    Config(ConfigFiller),
    FullName(usize),
    Key(usize, Key),
}

/// A field for each key of the file that no other projection claims.
#[derive(Debug)]
struct ConfigFiller {
    order: Order,
    fields: HashMap<String, usize>,
    place: usize,
    /// The last configuration and the fields it filled, kept because the configuration changes only a few times in a
    /// file.
    seen: Revision,
    filled: Vec<(usize, Symbol)>,
}

impl Filler {
    fn fill(&mut self, projection: &mut Projection, record: &Record<'_>) {
        match self {
            Filler::Config(config) => config.fill(projection, record),
            Filler::FullName(field) => {
                let claimed = Rc::clone(&projection.claimed);
                projection.row[*field] = projection.symbol(*field, &claimed.full_name.of(record));
            }
            Filler::Key(field, key) => projection.row[*field] = projection.symbol(*field, key.value(record)),
        }
    }
}

impl ConfigFiller {
    fn fill(&mut self, projection: &mut Projection, record: &Record<'_>) {
        if self.seen != *record.config.revision() {
            self.seen.clone_from(record.config.revision());
            self.filled.clear();
            for entry in record.config.entries().iter().filter(|entry| entry.from_file) {
                if let Some(field) = self.field(projection, &entry.key) {
                    self.filled.push((field, projection.symbol(field, &entry.value)));
                }
            }
        }
        self.filled.iter().for_each(|(field, symbol)| projection.row[*field] = *symbol);
    }

    /// The field of a key, newly added if there is none; `None` if another projection claims the key.
    fn field(&mut self, projection: &mut Projection, key: &str) -> Option<usize> {
        if let Some(field) = self.fields.get(key) {
            return Some(*field);
        }
        if projection.claimed.config.contains(key) {
            return None;
        }
        let field = projection.add_field(key, self.order.clone(), self.place, false);
        self.fields.insert(key.to_owned(), field);
        Some(field)
    }
}

#[derive(Debug)]
struct Field {
    name: String,
    order: Order,
    /// Places of first appearance; a field within `.config` has none.
    appearance: Option<HashMap<Symbol, usize>>,
    /// The values seen last.
    recent: Recent<Symbol>,
}

/// The last few items, which mostly come again: measurements of a benchmark follow each other, each with the same
/// metrics.
#[derive(Debug, Default)]
struct Recent<T> {
    items: [T; 4],
    next: usize,
}

impl<T: Copy> Recent<T> {
    fn find(&self, is_it: impl Fn(T) -> bool) -> Option<T> {
        self.items.iter().copied().find(|item| is_it(*item))
    }

    fn add(&mut self, item: T) {
        self.items[self.next] = item;
        self.next = (self.next + 1) % self.items.len();
    }
}

#[derive(Debug)]
pub struct Projection {
    claimed: Rc<Claimed>,
    fillers: Vec<Filler>,
    /// By their place in a tuple.
    fields: Vec<Field>,
    /// The elements of the expression in order, each with the tuple places of its fields.
    layout: Vec<Vec<usize>>,
    unit: Option<usize>,
    symbols: HashMap<String, Symbol>,
    texts: Vec<String>,
    ids: HashMap<Box<[Symbol]>, KeyId>,
    /// Tuples without the empty values at their end.
    tuples: Vec<Box<[Symbol]>>,
    recent: Recent<KeyId>,
    /// The tuple being made.
    row: Vec<Symbol>,
}

impl Projection {
    /// The elements of an expression, and the unit after them if `with_unit`.
    pub fn new(sources: Vec<Source>, with_unit: bool, claimed: &Rc<Claimed>) -> Self {
        let mut projection = Projection {
            claimed: Rc::clone(claimed),
            fillers: Vec::new(),
            fields: Vec::new(),
            layout: Vec::new(),
            unit: None,
            symbols: HashMap::from_iter([(String::new(), 0)]),
            texts: vec![String::new()],
            ids: HashMap::default(),
            tuples: Vec::new(),
            recent: Recent::default(),
            row: Vec::new(),
        };
        for source in sources {
            let place = projection.layout.len();
            projection.layout.push(Vec::new());
            let filler = match source {
                Source::Config(order) => Filler::Config(ConfigFiller {
                    order,
                    fields: HashMap::default(),
                    place,
                    seen: Revision::default(),
                    filled: Vec::new(),
                }),
                Source::FullName(order) => Filler::FullName(projection.add_field(".fullname", order, place, true)),
                Source::Key(name, key, order) => Filler::Key(projection.add_field(&name, order, place, true), key),
            };
            projection.fillers.push(filler);
        }
        if with_unit {
            let place = projection.layout.len();
            projection.layout.push(Vec::new());
            projection.unit = Some(projection.add_field(".unit", Order::First, place, true));
        }
        projection
    }

    fn add_field(&mut self, name: &str, order: Order, place: usize, top: bool) -> usize {
        let appearance = (top && order == Order::First).then(HashMap::default);
        self.fields.push(Field { name: name.to_owned(), order, appearance, recent: Recent::default() });
        self.row.push(0);
        let field = self.fields.len() - 1;
        self.layout[place].push(field);
        field
    }

    /// The tuple of the measurement.
    pub fn project(&mut self, record: &Record<'_>) -> KeyId {
        self.fill(record);
        self.id_of_row()
    }

    /// The tuple of each of its values; they differ in the unit.
    pub fn project_values(&mut self, record: &Record<'_>, ids: &mut Vec<KeyId>) {
        self.fill(record);
        ids.clear();
        for value in &record.values {
            if let Some(unit) = self.unit {
                self.row[unit] = self.symbol(unit, &value.unit);
            }
            let id = self.id_of_row();
            ids.push(id);
        }
    }

    fn fill(&mut self, record: &Record<'_>) {
        self.row.fill(0);
        // Taken out while it is used: filling adds fields and symbols.
        let mut fillers = std::mem::take(&mut self.fillers);
        fillers.iter_mut().for_each(|filler| filler.fill(self, record));
        self.fillers = fillers;
    }

    /// The symbol of a value of `field`.
    fn symbol(&mut self, field: usize, text: &str) -> Symbol {
        if let Some(symbol) = self.fields[field].recent.find(|symbol| self.texts[symbol as usize] == text) {
            return symbol;
        }
        let symbol = match self.symbols.get(text) {
            Some(symbol) => *symbol,
            None => {
                let symbol = self.texts.len() as Symbol;
                self.texts.push(text.to_owned());
                self.symbols.insert(text.to_owned(), symbol);
                symbol
            }
        };
        self.fields[field].recent.add(symbol);
        symbol
    }

    fn id_of_row(&mut self) -> KeyId {
        let used = self.row.iter().rposition(|symbol| *symbol != 0).map_or(0, |last| last + 1);
        let tuple = &self.row[..used];
        let is_it = |id: KeyId| self.tuples.get(id.0 as usize).is_some_and(|known| **known == *tuple);
        if let Some(id) = self.recent.find(is_it) {
            return id;
        }
        let id = self.ids.get(tuple).copied().unwrap_or_else(|| self.new_id(used));
        self.recent.add(id);
        id
    }

    /// Adds the tuple being made, of which the first `used` values are kept.
    fn new_id(&mut self, used: usize) -> KeyId {
        for (field, symbol) in self.fields.iter_mut().zip(&self.row) {
            if let Some(appearance) = &mut field.appearance {
                let next = appearance.len();
                appearance.entry(*symbol).or_insert(next);
            }
        }
        let id = KeyId(self.tuples.len() as u32);
        self.tuples.push(self.row[..used].into());
        self.ids.insert(self.row[..used].into(), id);
        id
    }

    /// The fields in the order of the expression, by their tuple places.
    pub fn fields(&self) -> Vec<usize> {
        self.layout.iter().flatten().copied().collect()
    }

    /// The key's name.
    pub fn name(&self, field: usize) -> &str {
        &self.fields[field].name
    }

    pub fn is_unit(&self, field: usize) -> bool {
        self.unit == Some(field)
    }

    /// The unit of a table's key.
    pub fn unit(&self, id: KeyId) -> &str {
        self.unit.map_or("", |unit| self.value(id, unit))
    }

    pub fn value(&self, id: KeyId, field: usize) -> &str {
        &self.texts[self.value_symbol(id, field) as usize]
    }

    /// The values that are not empty, separated by spaces.
    pub fn label(&self, id: KeyId, fields: &[usize]) -> String {
        let values: Vec<_> = fields.iter().map(|field| self.value(id, *field)).filter(|v| !v.is_empty()).collect();
        values.join(" ")
    }

    /// Sorts by one field after the other, each by its own order, and alphabetically where that order does not decide.
    pub fn sort(&self, ids: &mut [KeyId]) {
        let fields = self.fields();
        ids.sort_by(|a, b| {
            let differing =
                fields.iter().find(|field| self.value_symbol(*a, **field) != self.value_symbol(*b, **field));
            differing.map_or(Ordering::Equal, |field| self.compare(*field, *a, *b))
        });
    }

    /// The fields in which the tuples are not all alike.
    pub fn varying(&self, ids: &[KeyId]) -> Vec<&str> {
        let Some((first, others)) = ids.split_first() else { return Vec::new() };
        let varies =
            |field: &usize| others.iter().any(|id| self.value_symbol(*id, *field) != self.value_symbol(*first, *field));
        self.fields().into_iter().filter(varies).map(|field| self.name(field)).collect()
    }

    fn compare(&self, field: usize, a: KeyId, b: KeyId) -> Ordering {
        let (text_a, text_b) = (self.value(a, field), self.value(b, field));
        let Field { order, appearance, .. } = &self.fields[field];
        let ordered = match appearance {
            Some(places) => places.get(&self.value_symbol(a, field)).cmp(&places.get(&self.value_symbol(b, field))),
            None => order.compare(text_a, text_b),
        };
        ordered.then_with(|| text_a.cmp(text_b))
    }

    fn value_symbol(&self, id: KeyId, field: usize) -> Symbol {
        self.tuples[id.0 as usize].get(field).copied().unwrap_or(0)
    }
}
