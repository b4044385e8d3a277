//! Places boxes and arrows in layers, callers above callees, without Graphviz.
//!
//! After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures" (1981): it
//! breaks cycles, assigns every box to a layer, gives arrows over several layers a place in each, orders each layer by
//! the neighbours' medians, and then moves everything sideways towards its neighbours as far as the order allows.

/// Space between boxes of a layer, and between layers, in CSS pixels.
const GAP: f64 = 24.0;
const LAYER_GAP: f64 = 56.0;
const BORDER: f64 = 16.0;
/// Rounds of ordering and of moving; more make no visible difference.
const ORDER_ROUNDS: usize = 12;
const MOVE_ROUNDS: usize = 10;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    pub width: f64,
    pub height: f64,
}

/// A point, or a box's centre.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    pub x: f64,
    pub y: f64,
}

#[derive(Debug, Default)]
pub struct Layout {
    pub places: Vec<Place>,
    /// For each arrow its corners, from the caller's border to the callee's.
    pub lines: Vec<Vec<Place>>,
    pub width: f64,
    pub height: f64,
}

/// Lays out boxes of `sizes`; an arrow is (from, to, weight), between two different boxes.
pub fn layered(sizes: &[Size], arrows: &[(usize, usize, f64)]) -> Layout {
    if sizes.is_empty() {
        return Layout::default();
    }
    let downward = without_cycles(sizes.len(), arrows);
    let layer_of = layers(sizes.len(), &downward);
    let mut grid = Grid::new(sizes, &downward, &layer_of);
    grid.sort();
    grid.settle();
    grid.layout(sizes, arrows, &downward)
}

/// The arrows, with those reversed that would close a cycle: the light ones, because a walk along heavy arrows first
/// finds them.
fn without_cycles(count: usize, arrows: &[(usize, usize, f64)]) -> Vec<(usize, usize, f64)> {
    let mut outgoing: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut has_caller = vec![false; count];
    for (index, (from, to, _)) in arrows.iter().enumerate() {
        outgoing[*from].push(index);
        has_caller[*to] = true;
    }
    for list in &mut outgoing {
        list.sort_by(|a, b| arrows[*b].2.total_cmp(&arrows[*a].2).then(a.cmp(b)));
    }
    let (mut seen, mut open) = (vec![false; count], vec![false; count]);
    let mut turned = vec![false; arrows.len()];
    let roots = (0..count).filter(|node| !has_caller[*node]).chain(0..count);
    for root in roots {
        if seen[root] {
            continue;
        }
        seen[root] = true;
        open[root] = true;
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.last_mut() {
            let Some(index) = outgoing[*node].get(*next).copied() else {
                open[*node] = false;
                stack.pop();
                continue;
            };
            *next += 1;
            let to = arrows[index].1;
            if open[to] {
                turned[index] = true;
            } else if !seen[to] {
                seen[to] = true;
                open[to] = true;
                stack.push((to, 0));
            }
        }
    }
    let turn = |((from, to, weight), turned): (&(usize, usize, f64), &bool)| {
        if *turned { (*to, *from, *weight) } else { (*from, *to, *weight) }
    };
    arrows.iter().zip(&turned).map(turn).collect()
}

/// The layer of each box: beneath all its callers, and otherwise as close to its callees as possible.
fn layers(count: usize, arrows: &[(usize, usize, f64)]) -> Vec<usize> {
    let mut incoming = vec![0usize; count];
    let mut outgoing: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to, _) in arrows {
        incoming[*to] += 1;
        outgoing[*from].push(*to);
    }
    let mut layer = vec![0usize; count];
    let mut order: Vec<usize> = (0..count).filter(|node| incoming[*node] == 0).collect();
    let (roots, mut at) = (order.len(), 0);
    while at < order.len() {
        let node = order[at];
        at += 1;
        for to in &outgoing[node] {
            layer[*to] = layer[*to].max(layer[node] + 1);
            incoming[*to] -= 1;
            if incoming[*to] == 0 {
                order.push(*to);
            }
        }
    }
    for &node in &order[..roots] {
        if let Some(nearest) = outgoing[node].iter().map(|to| layer[*to]).min() {
            layer[node] = nearest.saturating_sub(1);
        }
    }
    layer
}

/// A box, or the place of an arrow that passes a layer.
struct Cell {
    size: Size,
    layer: usize,
    x: f64,
    up: Vec<(usize, f64)>,
    down: Vec<(usize, f64)>,
    is_box: bool,
}

struct Grid {
    cells: Vec<Cell>,
    /// For each layer its cells from left to right.
    rows: Vec<Vec<usize>>,
    /// For each arrow the cells between its ends, from above.
    between: Vec<Vec<usize>>,
}

impl Grid {
    fn new(sizes: &[Size], arrows: &[(usize, usize, f64)], layer_of: &[usize]) -> Self {
        let cell = |size: Size, layer: usize, is_box: bool| Cell {
            size,
            layer,
            x: 0.0,
            up: Vec::new(),
            down: Vec::new(),
            is_box,
        };
        let mut cells: Vec<Cell> = sizes.iter().zip(layer_of).map(|(size, layer)| cell(*size, *layer, true)).collect();
        let mut between = Vec::new();
        for (from, to, weight) in arrows {
            let mut chain = vec![*from];
            for layer in layer_of[*from] + 1..layer_of[*to] {
                chain.push(cells.len());
                cells.push(cell(Size { width: 10.0, height: 0.0 }, layer, false));
            }
            chain.push(*to);
            for pair in chain.windows(2) {
                // Keep long arrows straight, otherwise they wind.
                let pull = weight.max(1.0).log2() + 1.0;
                let inner = pair.iter().filter(|at| !cells[**at].is_box).count() as f64;
                cells[pair[0]].down.push((pair[1], pull * (1.0 + 2.0 * inner)));
                cells[pair[1]].up.push((pair[0], pull * (1.0 + 2.0 * inner)));
            }
            between.push(chain[1..chain.len() - 1].to_vec());
        }
        let depth = cells.iter().map(|cell| cell.layer).max().unwrap_or(0) + 1;
        let mut rows = vec![Vec::new(); depth];
        cells.iter().enumerate().for_each(|(at, cell)| rows[cell.layer].push(at));
        Grid { cells, rows, between }
    }

    /// Orders each layer by the medians of its neighbours, down and up again; keeps the order with the fewest
    /// crossings.
    fn sort(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for round in 0..ORDER_ROUNDS {
            let downward = round % 2 == 0;
            let depth = self.rows.len();
            for step in 1..depth {
                let row = if downward { step } else { depth - 1 - step };
                self.sort_row(row, downward);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn positions(&self) -> Vec<usize> {
        let mut positions = vec![0; self.cells.len()];
        self.rows.iter().for_each(|row| row.iter().enumerate().for_each(|(at, cell)| positions[*cell] = at));
        positions
    }

    fn sort_row(&mut self, row: usize, downward: bool) {
        let positions = self.positions();
        let median = |cell: usize| {
            let cell = &self.cells[cell];
            let neighbours = if downward { &cell.up } else { &cell.down };
            let mut at: Vec<usize> = neighbours.iter().map(|(neighbour, _)| positions[*neighbour]).collect();
            at.sort_unstable();
            let (low, high) = (at.get((at.len().max(1) - 1) / 2)?, at.get(at.len() / 2)?);
            Some((*low + *high) as f64 / 2.0)
        };
        let mut keyed: Vec<(f64, usize)> =
            self.rows[row].iter().map(|cell| (median(*cell).unwrap_or(positions[*cell] as f64), *cell)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.rows[row] = keyed.into_iter().map(|(_, cell)| cell).collect();
    }

    /// The number of crossings between neighbouring layers.
    fn crossings(&self) -> usize {
        let positions = self.positions();
        let mut sum = 0;
        for row in &self.rows {
            let ends = row.iter().flat_map(|cell| {
                let mut ends: Vec<usize> = self.cells[*cell].down.iter().map(|(to, _)| positions[*to]).collect();
                ends.sort_unstable();
                ends
            });
            // Count inversions, by inserting into the sorted positions so far.
            let mut passed: Vec<usize> = Vec::new();
            for end in ends {
                let at = passed.partition_point(|other| *other <= end);
                sum += passed.len() - at;
                passed.insert(at, end);
            }
        }
        sum
    }

    /// Moves everything sideways towards its neighbours, without changing the order.
    fn settle(&mut self) {
        for row in self.rows.clone() {
            let mut x = 0.0;
            for cell in row {
                let half = self.cells[cell].size.width / 2.0;
                self.cells[cell].x = x + half;
                x += half * 2.0 + GAP;
            }
        }
        for round in 0..MOVE_ROUNDS {
            let depth = self.rows.len();
            for step in 0..depth {
                let row = if round % 2 == 0 { step } else { depth - 1 - step };
                self.move_row(row);
            }
        }
    }

    /// Every cell wants the mean of its neighbours. Cells that would overlap are joined and share the mean of their
    /// wishes (pool adjacent violators), which minimises the sum of squared movements.
    fn move_row(&mut self, row: usize) {
        struct Block {
            wish: f64,
            weight: f64,
            cells: Vec<usize>,
        }
        let row = self.rows[row].clone();
        let mut offset = 0.0;
        let mut offsets = Vec::with_capacity(row.len());
        let mut blocks: Vec<Block> = Vec::new();
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                let before = &self.cells[row[at - 1]];
                offset += (before.size.width + self.cells[*cell].size.width) / 2.0 + GAP;
            }
            offsets.push(offset);
            let (sum, weight) = self.cells[*cell]
                .up
                .iter()
                .chain(&self.cells[*cell].down)
                .fold((0.0, 0.0), |(sum, all), (other, weight)| (sum + self.cells[*other].x * weight, all + weight));
            let (wish, weight) = if weight > 0.0 { (sum / weight, weight) } else { (self.cells[*cell].x, 0.1) };
            blocks.push(Block { wish: wish - offset, weight, cells: vec![at] });
            while let [.., before, last] = &blocks[..] {
                if before.wish <= last.wish {
                    break;
                }
                let Some(last) = blocks.pop() else { break };
                let Some(before) = blocks.last_mut() else { break };
                let weight = before.weight + last.weight;
                before.wish = (before.wish * before.weight + last.wish * last.weight) / weight;
                before.weight = weight;
                before.cells.extend(last.cells);
            }
        }
        for block in blocks {
            for at in block.cells {
                self.cells[row[at]].x = block.wish + offsets[at];
            }
        }
    }

    fn layout(&self, sizes: &[Size], arrows: &[(usize, usize, f64)], downward: &[(usize, usize, f64)]) -> Layout {
        let left = self.cells.iter().map(|cell| cell.x - cell.size.width / 2.0).fold(f64::INFINITY, f64::min);
        let right = self.cells.iter().map(|cell| cell.x + cell.size.width / 2.0).fold(0.0, f64::max);
        let mut middles = Vec::new();
        let mut y = BORDER;
        for row in &self.rows {
            let height = row.iter().map(|cell| self.cells[*cell].size.height).fold(0.0, f64::max);
            middles.push(y + height / 2.0);
            y += height + LAYER_GAP;
        }
        let place = |cell: usize| {
            let cell = &self.cells[cell];
            Place { x: cell.x - left + BORDER, y: middles[cell.layer] }
        };
        let line = |index: usize| {
            let (from, to, _) = downward[index];
            let (mut start, mut end) = (place(from), place(to));
            start.y += sizes[from].height / 2.0;
            end.y -= sizes[to].height / 2.0;
            let mut points = vec![start];
            points.extend(self.between[index].iter().map(|cell| place(*cell)));
            points.push(end);
            if arrows[index].0 != from {
                points.reverse();
            }
            points
        };
        Layout {
            places: (0..sizes.len()).map(place).collect(),
            lines: (0..arrows.len()).map(line).collect(),
            width: right - left + 2.0 * BORDER,
            height: y - LAYER_GAP + BORDER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(count: usize) -> Vec<Size> {
        vec![Size { width: 80.0, height: 30.0 }; count]
    }

    fn overlap(layout: &Layout, sizes: &[Size]) -> bool {
        let all: Vec<_> = layout.places.iter().zip(sizes).collect();
        all.iter().enumerate().any(|(at, (a, size))| {
            all[at + 1..].iter().any(|(b, other)| {
                (a.x - b.x).abs() < (size.width + other.width) / 2.0 - 1e-6
                    && (a.y - b.y).abs() < (size.height + other.height) / 2.0 - 1e-6
            })
        })
    }

    #[test]
    fn callers_stand_above_callees() {
        let arrows = [(0, 1, 5.0), (0, 2, 3.0), (1, 3, 5.0), (2, 3, 3.0), (0, 3, 1.0)];
        let layout = layered(&boxes(4), &arrows);
        for (from, to, _) in arrows {
            assert!(layout.places[from].y < layout.places[to].y);
        }
        assert!(!overlap(&layout, &boxes(4)));
        assert_eq!(layout.lines[4].len(), 3, "it passes a layer");
    }

    #[test]
    fn cycles_have_an_end() {
        let layout = layered(&boxes(3), &[(0, 1, 9.0), (1, 2, 9.0), (2, 0, 1.0)]);
        assert!(layout.places[0].y < layout.places[1].y && layout.places[1].y < layout.places[2].y);
        let back = &layout.lines[2];
        assert!(back[0].y > back[back.len() - 1].y, "it leads up");
    }

    #[test]
    fn crossings_are_undone() {
        // Two pairs with crossed names.
        let layout = layered(&boxes(4), &[(0, 3, 1.0), (1, 2, 1.0)]);
        let place = |at: usize| layout.places[at].x;
        assert_eq!(place(0) < place(1), place(3) < place(2));
    }

    #[test]
    fn many_boxes_are_placed_apart() {
        let mut arrows = Vec::new();
        for node in 1..300usize {
            arrows.push(((node * 7919) % node, node, node as f64));
            arrows.push(((node * 104_729) % node, node, 1.0));
        }
        let sizes: Vec<Size> = (0..300)
            .map(|at| Size { width: 40.0 + (at % 7) as f64 * 30.0, height: 20.0 + (at % 3) as f64 * 20.0 })
            .collect();
        let layout = layered(&sizes, &arrows);
        assert!(!overlap(&layout, &sizes));
        assert!(layout.places.iter().all(|place| place.x.is_finite() && place.x >= 0.0 && place.x <= layout.width));
        assert!(layered(&[], &[]).places.is_empty());
    }
}
