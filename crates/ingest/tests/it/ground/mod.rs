//! Terrain tilesets: made ones against what they were made of, and a real mountain.

mod survey;
mod tileset;
