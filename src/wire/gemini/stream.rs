mod glance;
mod reader;
mod writer;

pub use glance::glance_frame;
pub use reader::StreamReader;
pub use writer::StreamWriter;
