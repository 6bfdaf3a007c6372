//! What is owed of earlier generations. Where a writer takes its last line back, the content goes on as another generation in
//! the same file. What stands in front of that line and was not acknowledged may be stored already: it is read by the
//! successor, and leaves under the names that it had.

use logline::line::write_mark;
use logline::position::{Fid, Mark};

use crate::emit::Shape;

/// What is to be emitted of earlier generations.
#[derive(Debug)]
pub struct Owed {
    /// The first offset of it.
    pub from: u64,
    /// Whose lines they are.
    pub of: Predecessors,
    /// The offsets at which a line of them was cut in two for ever.
    pub cuts: Vec<u64>,
}

impl Owed {
    /// Nothing yet; it will begin at `from`.
    pub fn from(from: u64) -> Self {
        Self { from, of: Predecessors::NONE, cuts: Vec::new() }
    }

    /// That of one generation more, whose content ends at `end`, and of which lines were cut at `cuts`.
    pub fn add(&mut self, fid: Fid, end: u64, cuts: &[u64]) {
        self.of.0.push(Predecessor { fid, end });
        self.cuts.extend(cuts.iter().filter(|cut| **cut < end));
    }
}

/// The generations whose content goes on in the one that is read, in the order of their offsets.
#[derive(Default, Debug)]
pub struct Predecessors(Vec<Predecessor>);

#[derive(Clone, Copy, Debug)]
struct Predecessor {
    fid: Fid,
    /// Lines that end here, or in front of it, are its.
    end: u64,
}

impl Predecessors {
    /// None at all.
    pub const NONE: Self = Self(Vec::new());

    /// Whether there are none, or none any more.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose line it is that ends at `end`, if it is that of a predecessor.
    pub fn owner(&self, end: u64) -> Option<Fid> {
        self.0.iter().find(|before| end <= before.end).map(|before| before.fid)
    }

    /// These and `own`, as far as something of their content stands behind `offset` and in front of `line`.
    pub fn left(&self, own: Fid, offset: u64, line: u64) -> Self {
        let all = self.0.iter().copied().chain([Predecessor { fid: own, end: line }]);
        let cut = all.map(|before| Predecessor { end: before.end.min(line), ..before });
        Self(cut.filter(|before| before.end > offset).collect())
    }

    /// Reading has come to `offset`: appends the final watermarks of those of which nothing more is owed.
    pub fn leave(&mut self, offset: u64, shape: Shape, out: &mut Vec<u8>) {
        for before in self.0.extract_if(.., |before| before.end <= offset) {
            if shape.tagged {
                write_mark(out, &Mark { fid: before.fid, next: before.end, finished: true });
            }
        }
    }
}
