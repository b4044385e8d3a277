//! `cargo memprof top [PID | URL]`: what a running program allocates and holds, as a table that is drawn again and again.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use clap::Parser;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::{cursor, execute, queue, terminal};

use crate::console;
use crate::go::flags;
use crate::live::target::Target;
use crate::live::top::{self, By, Row, Sort, table};
use crate::pprof::profile::Profile;
use crate::{Error, Result, exit, os};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof top",
    bin_name = "cargo memprof top",
    about = "Show what a running program allocates and holds, by site or by thread",
    after_help = "Keys: ← and → sort by another column, t shows threads or sites, ↑ and ↓ scroll, p pauses, q quits. Where stdout \
                  is no terminal, the table is printed once."
)]
pub struct TopArgs {
    /// Look at the program at this address, the process of this number, or the one of this name
    #[arg(value_name = "PID|URL")]
    program: Option<String>,
    /// Show threads instead of sites
    #[arg(long)]
    threads: bool,
    /// Sort by this column
    #[arg(long, value_name = "COLUMN", default_value = "live-bytes")]
    sort: Sort,
    /// Look every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    interval: f64,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &flags::long_names::<TopArgs>());
    let args = TopArgs::parse_from(std::iter::once(OsString::from("cargo memprof top")).chain(args));
    if !(0.1..=3600.0).contains(&args.interval) {
        return Err(Error::usage("--interval must be from 0.1 to 3600 seconds"));
    }
    let interval = Duration::from_secs_f64(args.interval);
    let mut view =
        View { by: if args.threads { By::Thread } else { By::Site }, sort: args.sort, first: 0, paused: false };
    let target = Arc::new(Target::find(args.program.as_deref())?);
    let mut last = Snapshot::take(&target)?;
    if !(std::io::stdout().is_terminal() && std::io::stdin().is_terminal()) {
        std::thread::sleep(interval);
        last = last.followed_by(Snapshot::take(&target)?);
        let lines = view.table(&last.rows(view.by), usize::MAX, usize::MAX);
        console::print(&(lines.join("\n") + "\n"))?;
        return Ok(exit::OK);
    }
    let ended = draw_until_quit(&target, &mut view, last, interval);
    target.leave();
    match ended? {
        None => Ok(exit::OK),
        Some(why) => {
            console::note(&why);
            Ok(exit::OK)
        }
    }
}

/// All allocations at one moment, with those of the moment before.
struct Snapshot {
    profile: Profile,
    at: Instant,
    before: Option<(Profile, Duration)>,
}

impl Snapshot {
    fn take(target: &Target) -> Result<Snapshot> {
        // The counts are copied first; their names take longer.
        let at = Instant::now();
        Ok(Snapshot { profile: target.allocations()?, at, before: None })
    }

    fn followed_by(self, next: Snapshot) -> Snapshot {
        Snapshot { before: Some((self.profile, next.at.duration_since(self.at))), ..next }
    }

    fn rows(&self, by: By) -> Vec<Row> {
        top::rows(&self.profile, self.before.as_ref().map(|(profile, since)| (profile, *since)), by)
    }
}

/// The rows that are shown, and how.
struct View {
    by: By,
    sort: Sort,
    first: usize,
    paused: bool,
}

impl View {
    /// The heading, the sum, and the rows that fit.
    fn table(&mut self, rows: &[Row], width: usize, height: usize) -> Vec<String> {
        let mut rows = rows.to_vec();
        top::sort(&mut rows, self.sort);
        let fit = height.saturating_sub(2);
        self.first = self.first.min(rows.len().saturating_sub(fit));
        let mut shown = vec![top::total(&rows)];
        shown.extend_from_slice(top::window(&rows, self.first, fit));
        let heading = if self.by == By::Site { "site" } else { "thread" };
        table::lines(&shown, self.sort, heading, width)
    }

    /// False if the key quits.
    fn key(&mut self, key: KeyEvent) -> bool {
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Char('t') => (self.by, self.first) = (if self.by == By::Site { By::Thread } else { By::Site }, 0),
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Right | KeyCode::Char('>') => self.sort = self.sort.moved(1),
            KeyCode::Left | KeyCode::Char('<') => self.sort = self.sort.moved(Sort::ALL.len() - 1),
            KeyCode::Down | KeyCode::Char('j') => self.first += 1,
            KeyCode::Up | KeyCode::Char('k') => self.first = self.first.saturating_sub(1),
            KeyCode::PageDown => self.first += 10,
            KeyCode::PageUp => self.first = self.first.saturating_sub(10),
            KeyCode::Home => self.first = 0,
            _ => (),
        }
        true
    }
}

/// The terminal while it is ours: given back however this ends.
struct Screen;

impl Screen {
    fn take() -> std::io::Result<Screen> {
        terminal::enable_raw_mode()?;
        let screen = Screen;
        execute!(std::io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    fn draw(&self, lines: &[String]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        queue!(out, cursor::MoveTo(0, 0))?;
        for (number, line) in lines.iter().enumerate() {
            // The heading of the table.
            let attribute = if number == 1 { Attribute::Reverse } else { Attribute::Reset };
            let clear = terminal::Clear(terminal::ClearType::UntilNewLine);
            let y = u16::try_from(number).unwrap_or(u16::MAX);
            queue!(
                out,
                cursor::MoveTo(0, y),
                SetAttribute(attribute),
                Print(line),
                SetAttribute(Attribute::Reset),
                clear
            )?;
        }
        queue!(out, terminal::Clear(terminal::ClearType::FromCursorDown))?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(std::io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// Draws until a key or a signal quits, or until the program has ended: then the reason.
fn draw_until_quit(
    target: &Arc<Target>,
    view: &mut View,
    mut last: Snapshot,
    interval: Duration,
) -> Result<Option<String>> {
    const LOOK: Duration = Duration::from_millis(50);
    let cannot = |e: std::io::Error| Error::with("cannot draw on the terminal", e);
    let quit = Arc::new(AtomicBool::new(false));
    for &signal in os::REQUESTS_TO_END {
        signal_hook::flag::register(signal, quit.clone()).map_err(|e| Error::with("cannot listen for signals", e))?;
    }
    let snapshots = snapshots(target.clone(), interval);
    let screen = Screen::take().map_err(cannot)?;
    let mut changed = true;
    while !quit.load(Ordering::Relaxed) {
        match snapshots.try_recv() {
            Ok(Ok(next)) if !view.paused => (last, changed) = (last.followed_by(next), true),
            Ok(Ok(_)) | Err(mpsc::TryRecvError::Empty) => (),
            Ok(Err(error)) => return Ok(Some(error.line())),
            Err(mpsc::TryRecvError::Disconnected) => return Ok(None),
        }
        if changed {
            let (width, height) = terminal::size().map_err(cannot)?;
            screen.draw(&lines(view, &last, width.into(), height.into())).map_err(cannot)?;
            changed = false;
        }
        if event::poll(LOOK).map_err(cannot)? {
            match event::read().map_err(cannot)? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    if !view.key(key) {
                        return Ok(None);
                    }
                    changed = true;
                }
                Event::Resize(..) => changed = true,
                _ => (),
            }
        }
    }
    Ok(None)
}

/// The text of a screen of this size.
fn lines(view: &mut View, last: &Snapshot, width: usize, height: usize) -> Vec<String> {
    let state = if view.paused { "paused; " } else { "" };
    let help = format!("{state}←→ sort  t sites/threads  ↑↓ scroll  p pause  q quit");
    let mut lines = vec![table::cut(&help, width)];
    lines.extend(view.table(&last.rows(view.by), width, height.saturating_sub(1)));
    lines.truncate(height);
    lines
}

/// Snapshots as they come: a program that does not answer must not keep keys from working.
fn snapshots(target: Arc<Target>, interval: Duration) -> Receiver<Result<Snapshot>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(interval);
            let snapshot = Snapshot::take(&target);
            let failed = snapshot.is_err();
            if sender.send(snapshot).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View { by: By::Site, sort: Sort::LiveBytes, first: 0, paused: false }
    }

    #[test]
    fn keys_do_what_the_help_says() {
        let mut view = view();
        let mut press = |code| view.key(KeyEvent::new(code, KeyModifiers::NONE));
        assert!([KeyCode::Right, KeyCode::Char('t'), KeyCode::Down, KeyCode::Char('p')].into_iter().all(&mut press));
        assert!(!press(KeyCode::Char('q')) && !press(KeyCode::Esc));
        assert!(!view.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(view.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::NONE)));
        assert_eq!((view.by, view.sort, view.first, view.paused), (By::Thread, Sort::LiveBlocks, 1, true));
        assert!(view.key(KeyEvent::new(KeyCode::Left, KeyModifiers::NONE)));
        assert_eq!(view.sort, Sort::LiveBytes);
    }

    #[test]
    fn no_screen_is_too_small() {
        let row = |i: i64| Row { name: format!("f{i}"), live_bytes: i, live_blocks: i, bytes: 0.0, allocs: 0.0 };
        let rows: Vec<Row> = (0..30).map(row).collect();
        for (width, height) in [(0, 0), (1, 1), (5, 2), (80, 3), (80, 24), (300, 100)] {
            let mut view = View { first: 1000, ..view() };
            let lines = view.table(&rows, width, height);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}×{height}");
            assert!(lines.len() <= height.max(2), "{width}×{height}");
        }
    }
}
