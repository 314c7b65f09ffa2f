//! Draws the model: the head with the two answers, the tabs, the screen, the keys that do something.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::answers::{self, Said};
use super::keys::of_use;
use super::layout::{self, areas, is_too_small};
use super::line::Purpose;
use super::menu::Menu;
use super::model::{Model, Screen};
use super::packets;
use super::pen::{Pen, Word, prose, word};
use super::theme::{Tone, mark};
use super::{chart, expectations, findings, flow, flows, help, moment, points, sources, texts};
use crate::number::{counted, thousands};
use crate::prose::{columns, cut};
use crate::snapshot::Snapshot;
use crate::verdict::Verdict;

pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let colours = model.setup.colours;
    let mut pen = Pen::new(frame.buffer_mut(), area, colours);
    if is_too_small((area.width, area.height)) || is_too_small(model.size) {
        let (width, height) = layout::SMALLEST;
        let left = pen.left();
        pen.prose(&word("", Tone::Plain), &texts::too_small(width, height), Tone::Plain, left);
        return;
    }
    // What was told of the size may be late by a frame.
    let areas = areas(model.size);
    draw_status(model, &mut pen.at(areas.status));
    draw_problem(model, &mut pen.at(areas.problem));
    draw_tabs(model, &mut pen.at(areas.tabs));
    draw_body(model, &mut pen.at(areas.body));
    draw_question(model, &mut pen.at(areas.body));
    let caret = draw_foot(model, &mut pen.at(areas.foot));
    if let Some(column) = caret {
        frame.set_cursor_position((areas.foot.x + column, areas.foot.y));
    }
}

fn draw_body(model: &Model, pen: &mut Pen<'_>) {
    let Some(run) = model.snapshot() else {
        match model.screen() {
            Screen::Help(state) => help::draw(model, state, pen),
            _ => pen.line(&[word(texts::WAITING, Tone::Quiet)]),
        }
        return;
    };
    match model.screen() {
        Screen::Flows(state) => flows::table::draw(model, state, run, pen),
        Screen::Flow(state) => flow::draw(model, state, pen),
        Screen::Packets(state) => packets::draw::draw(model, state, pen),
        Screen::Sources(state) => sources::draw(model, state, run, pen),
        Screen::Expectations(state) => expectations::draw(model, state, run, pen),
        Screen::Findings(state) => findings::draw(model, state, run, pen),
        Screen::Points(state) => points::draw(model, state, run, pen),
        Screen::Help(state) => help::draw(model, state, pen),
    }
}

fn draw_status(model: &Model, pen: &mut Pen<'_>) {
    draw_source(model, pen);
    match model.snapshot() {
        Some(run) => {
            let both = [answers::address(run), answers::partner(run)];
            let leads = both.iter().map(|said| columns(&said.lead())).max().unwrap_or(0);
            for said in &both {
                draw_said(said, leads, pen);
            }
            draw_counts(model, run, pen);
        }
        None => {
            pen.line(&[word(texts::WAITING, Tone::Quiet)]);
        }
    }
}

/// What is captured with which filter, and how much of it came.
fn draw_source(model: &Model, pen: &mut Pen<'_>) {
    let mut right: Vec<Word<'_>> = Vec::new();
    let mut told: Vec<String> = Vec::new();
    if let Some(run) = model.snapshot() {
        let is_going_on = model.setup.is_live && !model.run.has_ended;
        let rates = &model.run.rates;
        told.extend(model.elapsed().map(moment::span));
        // What there is no room for: how many frames there were, while it is told how many there are.
        if !is_going_on || pen.width() >= WIDE {
            told.push(counted(run.summary.frames, "frame"));
        }
        if let Some(rate) = rates.packets.back().filter(|_| is_going_on) {
            told.push(texts::packet_rate(&moment::short(*rate)));
            told.push(moment::bit_rate(rates.bits));
        }
        right.push(word(told.join(" · "), Tone::Plain));
        let width = (pen.width() / 6).min(24);
        let spark = if model.setup.is_live {
            chart::sparkline(rates.packets.iter().copied(), width)
        } else {
            chart::sparkline(chart::fitted(&run.pace.frames, width).into_iter(), width)
        };
        if !spark.is_empty() {
            right.push(word(format!(" {spark}"), Tone::Key));
        }
    }
    // What is looked at matters more than all of where it comes from.
    let is_filtered = !model.run.filter.is_empty() || !model.run.captured.is_empty();
    let captured = if is_filtered { cut(&captured(model), pen.width() / 4) } else { captured(model) };
    let mut left = vec![word(texts::NAME, Tone::Strong), word(format!("  {captured}"), Tone::Plain)];
    if !model.run.captured.is_empty() {
        left.push(word(format!("  {}", texts::captured(&model.run.captured)), Tone::Change));
    }
    if !model.run.filter.is_empty() && model.run.filter != model.run.captured {
        left.push(word(format!("  {}", texts::filter(&model.run.filter)), Tone::Key));
    }
    pen.line_and(&left, &right);
}

/// The interface or file of each point, without folders, which would leave no room for the filter; of another command, its name.
fn captured(model: &Model) -> String {
    let points = model.snapshot().map_or(&[][..], |run| &run.points);
    let named: Vec<String> = points
        .iter()
        .map(|point| {
            let is_path = !point.source.contains(char::is_whitespace);
            let file = point.source.rsplit('/').next().filter(|_| is_path);
            file.unwrap_or(&point.name).to_owned()
        })
        .collect();
    if named.is_empty() { model.setup.sources.clone() } else { named.join(", ") }
}

/// Where the sentences begin at least, if there is room to bring them into line.
const SENTENCES: usize = 16;
const ALIGNED_FROM: usize = 76;
/// From here on there is room for what is good to know.
const WIDE: usize = 100;

fn draw_said(said: &Said, leads: usize, pen: &mut Pen<'_>) {
    let lead = said.lead();
    let start = if pen.width() >= ALIGNED_FROM { SENTENCES.max(leads + 2) } else { columns(&lead) + 2 };
    let gap = start - columns(&lead);
    let fits = columns(&lead) + gap + columns(&said.sentence) <= pen.width();
    let sentence = if fits { &said.sentence } else { &said.short };
    pen.line(&[
        word(lead, said.tone()),
        word(" ".repeat(gap), Tone::Plain),
        word(sentence.as_str(), Tone::Strong),
    ]);
}

fn draw_counts(model: &Model, run: &Snapshot, pen: &mut Pen<'_>) {
    let summary = &run.summary;
    let counts = [
        (summary.fail, Verdict::Fail),
        (summary.inconclusive, Verdict::Inconclusive),
        (summary.pass, Verdict::Pass),
        (summary.exempt, Verdict::Exempt),
    ];
    let mut right: Vec<Word<'_>> = Vec::new();
    if let Screen::Flows(state) = model.screen() {
        let narrowed = state.narrowed(run);
        if !narrowed.is_empty() {
            right.push(word(texts::shown_only(&narrowed.join(", ")), Tone::Change));
        }
    }
    if summary.kernel_drops > 0 {
        right.push(word(texts::lost(summary.kernel_drops, pen.width() >= ALIGNED_FROM), Tone::Loud));
    }
    if model.run.is_paused {
        right.push(word(format!("  {}", texts::PAUSED), Tone::Unsure));
    } else if !model.run.has_ended {
        let told = match (model.setup.speed, model.run.progress) {
            _ if model.setup.is_live => texts::LIVE.to_owned(),
            (Some(times), _) => texts::replaying(times),
            (None, Some((read, of))) => texts::loading(
                of.filter(|of| *of > 0).map(|of| (read.min(of) as u128 * 100 / of as u128) as u64),
            ),
            (None, None) => texts::loading(None),
        };
        right.push(word(format!("  {told}"), Tone::Key));
    }
    let counted = |is_short: bool| -> Vec<Word<'_>> {
        let counts = counts.into_iter().map(|(count, verdict)| {
            let tone = if count == 0 { Tone::Quiet } else { Tone::Verdict(verdict) };
            let text = if is_short { thousands(count) } else { texts::count(count, verdict) };
            word(format!("{} {text}   ", mark(verdict)), tone)
        });
        counts.collect()
    };
    let wide = |words: &[Word<'_>]| words.iter().map(|word| columns(&word.text)).sum::<usize>();
    let whole = counted(false);
    let left = if wide(&whole) + wide(&right) <= pen.width() { whole } else { counted(true) };
    pen.line_and(&left, &right);
}

/// The worst problem, and what to do about it; else what to do where there is no answer.
fn draw_problem(model: &Model, pen: &mut Pen<'_>) {
    let Some(run) = model.snapshot() else { return };
    let Some(problem) = run.problems.first() else {
        if let Some(next) = crate::answer::answer(run).next_step {
            let left = pen.left();
            pen.prose(&word("  → ", Tone::Strong), next, Tone::Plain, left);
        }
        return;
    };
    let lines = pen.left().min(2);
    pen.prose(&word("  ", Tone::Plain), &format!("{}.", problem.sentence), Tone::Plain, lines);
    if let Some(next) = problem.next_step.as_ref().filter(|_| pen.has_room()) {
        let left = pen.left();
        pen.prose(&word("  → ", Tone::Strong), next, Tone::Plain, left.min(2));
    }
}

/// What there is to know before a key answers, above the foot.
fn draw_question(model: &Model, pen: &mut Pen<'_>) {
    let Some(Menu::Recapture { told, .. }) = &model.menu else { return };
    let lines = prose(&word("", Tone::Plain), told, Tone::Strong, pen.width(), pen.left().saturating_sub(1));
    let top = (pen.left() - lines.len()).saturating_sub(1) as u16;
    let area = Rect { y: pen.area.y + top, height: lines.len() as u16 + 1, ..pen.area };
    pen.blank(area);
    let mut pen = pen.at(area);
    pen.rule();
    for line in &lines {
        pen.line(line);
    }
}

/// Tabs, or the way to the screen that lies above them.
fn draw_tabs(model: &Model, pen: &mut Pen<'_>) {
    let row = 0;
    for (tab, range) in tab_columns(model, pen.area) {
        let is_shown = tab == model.tab();
        let name = texts::TABS[tab];
        let name = if range.len() >= columns(name) + 2 { name } else { texts::TABS_SHORT[tab] };
        let tone = if is_shown { Tone::Strong } else { Tone::Quiet };
        let key = word(format!("{} ", tab + 1), Tone::Key);
        pen.write(row, range.start as u16, &[key, word(name, tone)]);
        if is_shown {
            let end = range.start + columns(name) + 2;
            pen.restyle(row, range.start as u16..end as u16, super::theme::selected());
        }
    }
    let right = place_words(model);
    let width: usize = right.iter().map(|word| columns(&word.text)).sum();
    let used = tab_columns(model, pen.area).last().map_or(0, |(_, range)| range.end + 1);
    let room = pen.width().saturating_sub(used);
    // Half of it would say nothing.
    if width <= room {
        pen.write(row, (pen.width() - width) as u16, &right);
    }
}

/// Where the tabs stand; the last column is left for others.
pub(super) fn tab_columns(_model: &Model, area: Rect) -> Vec<(usize, std::ops::Range<usize>)> {
    let whole: usize = texts::TABS.iter().map(|name| columns(name) + 4).sum();
    let is_wide = whole <= usize::from(area.width);
    let (names, gap) = if is_wide { (texts::TABS, 2) } else { (texts::TABS_SHORT, 1) };
    let mut at = 0;
    names
        .iter()
        .enumerate()
        .map(|(tab, name)| {
            let range = at..at + columns(name) + 2;
            at = range.end + gap;
            (tab, range)
        })
        .collect()
}

/// Where one is within a tab, and how far down.
fn place_words(model: &Model) -> Vec<Word<'static>> {
    let text = match (model.screen(), model.snapshot()) {
        (Screen::Flows(state), Some(run)) => {
            let list = layout::list(model.size);
            let page = &run.page;
            let last = (state.top() + list.room()).min(page.total);
            if page.total > list.room() {
                texts::lines(state.top() + 1, last, page.total)
            } else {
                String::new()
            }
        }
        (Screen::Flow(state), _) => format!("{} {}", texts::FLOW, state.id),
        (Screen::Packets(state), _) => {
            state.flow().map_or_else(|| texts::ALL_PACKETS.to_owned(), texts::packets_of)
        }
        (Screen::Help(_), _) => texts::HELP.to_owned(),
        _ => String::new(),
    };
    vec![word(text, Tone::Strong)]
}

/// What is typed, what is to be saved, a notice, or the keys; returns the column of the caret.
fn draw_foot(model: &Model, pen: &mut Pen<'_>) -> Option<u16> {
    if let Some(line) = &model.line {
        let prompt = match line.purpose {
            Purpose::Filter => texts::FILTER_PROMPT,
            Purpose::Search => texts::SEARCH_PROMPT,
        };
        return Some(draw_line(line, prompt, pen));
    }
    if let Some(notice) = model.notice.as_ref().filter(|_| model.menu.is_none()) {
        let tone = if notice.is_bad { Tone::Bad } else { Tone::Good };
        pen.line(&[word(notice.text.as_str(), tone)]);
        return None;
    }
    let mut words: Vec<Word<'_>> = Vec::new();
    match &model.menu {
        Some(Menu::Save(_)) => words.push(word(format!("{}  ", texts::SAVE_PROMPT), Tone::Strong)),
        Some(Menu::Recapture { filter, .. }) => {
            let prompt = cut(&texts::recapture(filter), pen.width() / 2);
            words.push(word(format!("{prompt}  "), Tone::Strong));
        }
        None => {}
    }
    words.extend(hints(model, pen.width()));
    pen.line(&words);
    None
}

/// Keys that do something, as many as there is room for; how to get help and how to leave are always among them.
fn hints(model: &Model, width: usize) -> Vec<Word<'static>> {
    let all: Vec<(String, &'static str)> =
        of_use(model).filter_map(|binding| Some((binding.keys.first()?.name(), binding.hint?))).collect();
    let wide = |(key, hint): &(String, &str)| columns(key) + columns(hint) + 3;
    let last = all.len().saturating_sub(2);
    let (others, fixed) = all.split_at(last);
    let mut room = width.saturating_sub(fixed.iter().map(wide).sum());
    let mut words = Vec::new();
    let fitting = others.iter().take_while(|hint| {
        let fits = wide(hint) <= room;
        room = room.saturating_sub(wide(hint));
        fits
    });
    for (key, hint) in fitting.chain(fixed) {
        words.push(word(key.clone(), Tone::Key));
        words.push(word(format!(" {hint}  "), Tone::Plain));
    }
    words
}

fn draw_line(line: &super::line::Line, prompt: &str, pen: &mut Pen<'_>) -> u16 {
    let typed: Vec<char> = line.typed().chars().collect();
    // What is found stands at the right; the typed text keeps at least a half.
    let said = match line.found() {
        _ if typed.is_empty() && line.is_filter() => Some((texts::FILTER_EMPTY.to_owned(), Tone::Quiet)),
        Some(Err(mistake)) => Some((mistake.message.clone(), Tone::Bad)),
        Some(Ok(checked)) => Some((checked.meaning.clone(), Tone::Good)),
        None => None,
    };
    let whole = pen.width();
    let text: String = typed.iter().collect();
    let needed = columns(prompt) + columns(&text) + 3;
    let said = said.map(|(text, tone)| (cut(&text, whole.saturating_sub(needed).max(whole / 2 - 2)), tone));
    let room = whole - said.as_ref().map_or(0, |(text, _)| columns(text) + 2) - columns(prompt);
    // The part that is shown has the caret in it.
    let before: usize = typed[..line.caret()].iter().map(|c| columns(c.encode_utf8(&mut [0; 4]))).sum();
    let mut skipped = 0;
    let mut hidden = 0;
    while before - hidden >= room.max(1) {
        hidden += columns(typed[skipped].encode_utf8(&mut [0; 4]));
        skipped += 1;
    }
    let shown: String = typed[skipped..].iter().collect();
    pen.write(0, 0, &[word(prompt.to_owned(), Tone::Key)]);
    let start = columns(prompt) as u16;
    pen.at(Rect { x: pen.area.x + start, width: room as u16, ..pen.area }).line(&[word(shown, Tone::Plain)]);
    if let Some(Err(mistake)) = line.found()
        && let Some(at) = mistake.at.filter(|at| (skipped..=typed.len()).contains(at))
    {
        let column: usize = typed[skipped..at].iter().map(|c| columns(c.encode_utf8(&mut [0; 4]))).sum();
        if column < room {
            let style = pen.tone(Tone::Loud);
            pen.restyle(0, start + column as u16..start + column as u16 + 1, style);
        }
    }
    if let Some((text, tone)) = said {
        let column = whole - columns(&text);
        pen.write(0, column as u16, &[word(text, tone)]);
    }
    start + (before - hidden) as u16
}
