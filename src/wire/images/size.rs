use crate::error::Result;
use crate::wire::fields::wrong;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub width: u32,
    pub height: u32,
}

/// The shapes of images that a provider knows.
pub(super) type Ratios = &'static [(u32, u32)];

pub(super) const IMAGEN: Ratios = &[(1, 1), (3, 4), (4, 3), (9, 16), (16, 9)];
pub(super) const GEMINI: Ratios = &[(1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 5), (5, 4), (9, 16), (16, 9), (21, 9)];
pub(super) const STABILITY: Ratios = &[(1, 1), (2, 3), (3, 2), (4, 5), (5, 4), (9, 16), (16, 9), (9, 21), (21, 9)];
pub(super) const FLUX: Ratios = &[(1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 5), (5, 4), (9, 16), (16, 9), (9, 21), (21, 9)];

impl Size {
    pub fn parse(text: &str) -> Result<Self> {
        let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=16_384).contains(side));
        let sides = text.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?)));
        let (width, height) = sides.ok_or_else(|| wrong("size", "a width and a height such as 1024x1024"))?;
        Ok(Self { width, height })
    }

    /// The nearest of the ratios, and whether it is exactly that of this size.
    pub fn nearest(self, ratios: Ratios) -> Option<((u32, u32), bool)> {
        let slope = |(width, height): (u32, u32)| (f64::from(width) / f64::from(height)).ln();
        let own = slope((self.width, self.height));
        let far = |ratio: (u32, u32)| (slope(ratio) - own).abs();
        let nearest = ratios.iter().copied().min_by(|left, right| far(*left).total_cmp(&far(*right)))?;
        let exact = u64::from(self.width) * u64::from(nearest.1) == u64::from(self.height) * u64::from(nearest.0);
        Some((nearest, exact))
    }
}
