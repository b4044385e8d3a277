use super::*;

/// Sizes and turns that nobody chose.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Small blocks and a few large ones.
    fn size(&mut self) -> i64 {
        let most = if self.below(50) == 0 { 100_000 } else { 600 };
        1 + self.below(most) as i64
    }
}

fn own() -> Own {
    Own { drift: Cell::new(0), least: Cell::new(0), most: Cell::new(0), epoch: Cell::new(0) }
}

/// Allocates and frees on each of `owns` in turns, and calls `look` after each event with the live bytes and their peak.
fn play(sum: &Sum, owns: &[Own], look: impl Fn(i64, i64)) {
    let (mut random, mut live, mut peak) = (Random(owns.len() as u64), 0, 0);
    let mut blocks: Vec<i64> = Vec::new();
    for event in 0..60_000 {
        let own = &owns[random.below(owns.len() as u64) as usize];
        // Grows for some time, then shrinks.
        let frees = if event / 10_000 % 2 == 0 { 4 } else { 6 };
        let change = if random.below(10) < frees && !blocks.is_empty() {
            let at = random.below(blocks.len() as u64) as usize;
            -blocks.swap_remove(at)
        } else {
            let size = random.size();
            blocks.push(size);
            size
        };
        live += change;
        peak = peak.max(live);
        sum.moved(own, change);
        look(live, peak);
    }
}

fn drifts(owns: &[Own]) -> i64 {
    owns.iter().map(|own| own.drift.get()).sum()
}

#[test]
fn the_sum_and_the_peak_of_one_thread_are_exact() {
    static ALL: AtomicI64 = AtomicI64::new(0);
    static MOST: AtomicU64 = AtomicU64::new(0);
    let (sum, owns) = (Sum::new(|| Some(&ALL), || Some(&MOST)), [own()]);
    assert_eq!(sum.thread_begins(), 1);
    play(&sum, &owns, |live, peak| {
        assert_eq!(ALL.load(Ordering::Relaxed) + drifts(&owns), live);
        assert_eq!(MOST.load(Ordering::Relaxed) as i64, peak);
    });
    assert!(owns[0].drift.get() != 0, "nothing drifted");
}

#[test]
fn the_peak_of_several_threads_is_exact_to_their_drifts() {
    static ALL: AtomicI64 = AtomicI64::new(0);
    static MOST: AtomicU64 = AtomicU64::new(0);
    let (sum, owns) = (Sum::new(|| Some(&ALL), || Some(&MOST)), [own(), own(), own()]);
    owns.iter().for_each(|_| assert!(sum.thread_begins() > 0));
    let room = DRIFT / 4;
    play(&sum, &owns, |live, peak| {
        assert_eq!(ALL.load(Ordering::Relaxed) + drifts(&owns), live);
        assert!(owns.iter().all(|own| own.drift.get().abs() < room));
        // The thread that makes the peak knows its own drift, not those of the two others.
        let off = MOST.load(Ordering::Relaxed) as i64 - peak;
        assert!(-2 * room - STEP <= off && off <= 2 * room, "{off}");
    });
    owns.iter().for_each(|own| sum.thread_ends(own));
    assert_eq!((drifts(&owns), sum.threads.load(Ordering::Relaxed)), (0, 0));
}

#[test]
fn the_peak_is_exact_where_all_events_are_in_one_order() {
    static ALL: AtomicI64 = AtomicI64::new(0);
    static MOST: AtomicU64 = AtomicU64::new(0);
    let (sum, owns) = (Sum::new(|| Some(&ALL), || Some(&MOST)), [own(), own()]);
    owns.iter().for_each(|_| assert!(sum.thread_begins() > 0));
    assert!(!sum.set_ordered(true));
    play(&sum, &owns, |live, peak| {
        assert_eq!((ALL.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed) as i64), (live, peak));
    });
}

/// A thread's limits end where another one tells that more is live.
#[test]
fn threads_that_grow_by_turns_miss_no_peak() {
    static ALL: AtomicI64 = AtomicI64::new(0);
    static MOST: AtomicU64 = AtomicU64::new(0);
    let (sum, owns) = (Sum::new(|| Some(&ALL), || Some(&MOST)), [own(), own()]);
    owns.iter().for_each(|_| assert!(sum.thread_begins() > 0));
    sum.moved(&owns[0], 100_000);
    sum.moved(&owns[0], -90_000);
    // Wide limits now: a hundred thousand bytes are free below the peak.
    sum.moved(&owns[0], 1);
    sum.moved(&owns[1], 80_000);
    (0..100).for_each(|_| sum.moved(&owns[0], 150));
    let most = MOST.load(Ordering::Relaxed) as i64;
    assert!((105_001 - STEP..=105_001).contains(&most), "{most}");
}

#[test]
fn threads_at_once_lose_nothing() {
    static ALL: AtomicI64 = AtomicI64::new(0);
    static MOST: AtomicU64 = AtomicU64::new(0);
    static SUM: Sum = Sum::new(|| Some(&ALL), || Some(&MOST));
    let grow = |seed| {
        let (own, mut random, mut live) = (own(), Random(seed), 0);
        SUM.thread_begins();
        for _ in 0..50_000 {
            let change = if random.below(2) == 0 { random.size() } else { -random.size().min(live) };
            live += change;
            SUM.moved(&own, change);
        }
        SUM.thread_ends(&own);
        live
    };
    let threads: Vec<_> = (0..4).map(|seed| std::thread::spawn(move || grow(seed))).collect();
    let live: i64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!((ALL.load(Ordering::Relaxed), SUM.threads.load(Ordering::Relaxed)), (live, 0));
    assert!(MOST.load(Ordering::Relaxed) as i64 >= live - 4 * DRIFT);
}
