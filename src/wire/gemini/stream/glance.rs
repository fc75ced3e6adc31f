use super::super::chunk::chunks;
use crate::wire::Glance;
use crate::wire::frame::sse;

pub fn glance_frame(frame: &sse::Frame<'_>, glance: &mut Glance) {
    match chunks(frame.data) {
        Ok(chunks) => chunks.iter().for_each(|chunk| chunk.glance(glance)),
        Err(_) => glance.failed |= frame.event == Some("error"),
    }
}
