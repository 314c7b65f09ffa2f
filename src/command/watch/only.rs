//! A run of which reports list one flow. Totals stay those of all, as with every report that lists some.

use crate::engine::Engine;
use crate::snapshot::{Detail, Snapshot, Snapshots, Window};

pub(super) struct Only<'a> {
    pub(super) engine: &'a mut Engine,
    /// Its id.
    pub(super) flow: &'a str,
}

impl Snapshots for Only<'_> {
    fn snapshot(&mut self, window: &Window) -> Snapshot {
        let mut listed = window.clone();
        listed.listing.flow = Some(self.flow.to_owned());
        let is_rows = window.detail == Detail::Rows;
        if is_rows {
            // A page of nothing has the flow beside it.
            listed.detail = Detail::Screen;
            listed.count = 0;
        }
        let mut run = self.engine.snapshot(&listed);
        if is_rows {
            let row = run.page.flow.take().filter(|_| window.first == 0);
            (run.matching, run.rows) = (1, row.into_iter().map(|row| *row).collect());
        }
        run
    }
}
