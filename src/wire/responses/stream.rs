mod queue;
mod reader;

pub use reader::StreamReader;
