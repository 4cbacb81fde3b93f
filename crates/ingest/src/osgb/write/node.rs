//! Nodes.

use std::io;

use super::{Geometry, Writer};

/// A node to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `osg::Node`: nothing.
    Empty,
    /// `osg::Group`.
    Group(Vec<Node>),
    /// `osg::Geode`.
    Geode(Vec<Geometry>),
    /// `osg::MatrixTransform`: 16 numbers row by row for row vectors, translation in 12, 13, 14.
    Transform([f64; 16], Vec<Node>),
    /// `osg::Switch`: each child with whether it is shown.
    Switch(Vec<(bool, Node)>),
    /// `osg::PagedLOD` as photogrammetry writes it.
    PagedLod(PagedLod),
    /// `osg::LOD`: levels inline.
    Lod {
        /// Whether ranges count pixels on screen rather than metres of distance.
        by_pixels: bool,
        /// Centre and radius.
        sphere: Option<[f64; 4]>,
        /// Levels.
        levels: Vec<Level>,
    },
    /// `osg::Group` with a user data container of one text.
    WithUserData(String, Vec<Node>),
    /// An object of a class of any name with these bytes for fields.
    Foreign(String, Vec<u8>),
}

/// A level of an `osg::LOD`.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Where it is shown.
    pub range: [f32; 2],
    /// What is shown.
    pub node: Node,
}

/// Coarse geometry here, the finer in another file.
#[derive(Clone, Debug, PartialEq)]
pub struct PagedLod {
    /// Centre and radius of the sphere that decides.
    pub sphere: [f64; 4],
    /// Diameter on screen from which on the finer file is shown, pixels.
    pub switch_px: f32,
    /// The coarse geometry.
    pub coarse: Vec<Geometry>,
    /// The finer file; without one there is but one range.
    pub finer: Option<String>,
}

impl Writer<'_> {
    pub(super) fn node(&mut self, node: &Node) -> io::Result<()> {
        match node {
            Node::Empty => {
                let (block, _) = self.open_object("osg::Node", "")?;
                self.node_fields(None)?;
                self.out.close(block);
            }
            Node::Group(children) => {
                let (block, _) = self.open_object("osg::Group", "")?;
                self.node_fields(None)?;
                self.children(children)?;
                self.out.close(block);
            }
            Node::WithUserData(text, children) => self.with_user_data(text, children)?,
            Node::Geode(geometries) => self.geode(geometries)?,
            Node::Transform(matrix, children) => {
                let (block, _) = self.open_object("osg::MatrixTransform", "")?;
                self.node_fields(None)?;
                self.children(children)?;
                self.out.i32(0);
                let inner = self.out.open();
                matrix.iter().for_each(|value| self.out.f64(*value));
                self.out.close(inner);
                self.out.close(block);
            }
            Node::Switch(children) => {
                let (block, _) = self.open_object("osg::Switch", "")?;
                self.node_fields(None)?;
                self.out.bool(!children.is_empty());
                if !children.is_empty() {
                    self.out.count(children.len())?;
                    let inner = self.out.open();
                    children.iter().try_for_each(|(_, child)| self.node(child))?;
                    self.out.close(inner);
                }
                self.out.bool(true);
                self.out.count(children.len())?;
                children.iter().for_each(|(shown, _)| self.out.bool(*shown));
                self.out.close(block);
            }
            Node::PagedLod(lod) => self.paged_lod(lod)?,
            Node::Lod { by_pixels, sphere, levels } => {
                let (block, _) = self.open_object("osg::LOD", "")?;
                self.node_fields(None)?;
                self.out.bool(!levels.is_empty());
                if !levels.is_empty() {
                    self.out.count(levels.len())?;
                    let inner = self.out.open();
                    levels.iter().try_for_each(|level| self.node(&level.node))?;
                    self.out.close(inner);
                }
                let ranges: Vec<[f32; 2]> = levels.iter().map(|level| level.range).collect();
                self.lod_fields(*sphere, *by_pixels, &ranges)?;
                self.out.close(block);
            }
            Node::Foreign(class, payload) => {
                self.out.text(class)?;
                let block = self.out.open();
                self.out.u32(self.next_id);
                self.next_id += 1;
                self.out.raw(payload);
                self.out.close(block);
            }
        }
        Ok(())
    }

    fn children(&mut self, children: &[Node]) -> io::Result<()> {
        self.out.bool(!children.is_empty());
        if !children.is_empty() {
            self.out.count(children.len())?;
            let block = self.out.open();
            children.iter().try_for_each(|child| self.node(child))?;
            self.out.close(block);
        }
        Ok(())
    }

    fn with_user_data(&mut self, text: &str, children: &[Node]) -> io::Result<()> {
        self.out.text("osg::Group")?;
        let block = self.out.open();
        self.out.u32(self.next_id);
        self.next_id += 1;
        self.out.text("described")?;
        self.out.i32(2);
        self.out.bool(true);
        if self.version() <= 76 {
            let inner = self.out.open();
            self.value_object(text)?;
            self.out.close(inner);
        } else {
            let (container, _) = self.open_object("osg::DefaultUserDataContainer", "")?;
            self.out.bool(false);
            self.out.bool(true);
            self.out.count(1)?;
            let inner = self.out.open();
            self.out.text("a description")?;
            self.out.close(inner);
            self.out.bool(true);
            self.out.count(1)?;
            let inner = self.out.open();
            self.value_object(text)?;
            self.out.close(inner);
            self.out.close(container);
        }
        self.node_fields(None)?;
        self.children(children)?;
        self.out.close(block);
        Ok(())
    }

    fn value_object(&mut self, text: &str) -> io::Result<()> {
        let (block, _) = self.open_object("osg::StringValueObject", "note")?;
        self.out.text(text)?;
        self.out.close(block);
        Ok(())
    }

    /// `osg::Node`; `texture` names the state set.
    pub(super) fn node_fields(&mut self, texture: Option<usize>) -> io::Result<()> {
        self.out.bool(false);
        self.no_objects(4);
        self.out.bool(true);
        self.out.u32(u32::MAX);
        if self.version() <= 76 {
            self.out.bool(false);
        }
        self.state_set(texture)
    }

    fn geode(&mut self, geometries: &[Geometry]) -> io::Result<()> {
        let (block, _) = self.open_object("osg::Geode", "")?;
        self.node_fields(None)?;
        self.out.bool(!geometries.is_empty());
        if !geometries.is_empty() {
            self.out.count(geometries.len())?;
            let inner = self.out.open();
            geometries.iter().try_for_each(|geometry| self.geometry(geometry))?;
            self.out.close(inner);
        }
        self.out.close(block);
        Ok(())
    }

    fn lod_fields(
        &mut self,
        sphere: Option<[f64; 4]>,
        by_pixels: bool,
        ranges: &[[f32; 2]],
    ) -> io::Result<()> {
        self.out.i32(i32::from(sphere.is_some()));
        self.out.bool(sphere.is_some());
        sphere.into_iter().flatten().for_each(|value| self.out.f64(value));
        self.out.i32(i32::from(by_pixels));
        self.out.bool(!ranges.is_empty());
        if !ranges.is_empty() {
            self.out.count(ranges.len())?;
            let block = self.out.open();
            ranges.iter().flatten().for_each(|value| self.out.f32(*value));
            self.out.close(block);
        }
        Ok(())
    }

    fn paged_lod(&mut self, lod: &PagedLod) -> io::Result<()> {
        let (block, _) = self.open_object("osg::PagedLOD", "")?;
        self.node_fields(None)?;
        const FAR: f32 = 1e30;
        let ranges: &[[f32; 2]] = match lod.finer {
            Some(_) => &[[0.0, lod.switch_px], [lod.switch_px, FAR]],
            None => &[[0.0, FAR]],
        };
        self.lod_fields(Some(lod.sphere), true, ranges)?;
        // The database path: there, and empty.
        self.out.bool(true);
        self.out.bool(false);
        if self.version() <= 69 {
            self.out.u32(0);
        }
        self.out.u32(1);
        self.out.bool(false);
        self.out.bool(true);
        let mut names = std::iter::once("").chain(lod.finer.as_deref());
        self.out.count(ranges.len())?;
        let inner = self.out.open();
        names.try_for_each(|name| self.out.text(name))?;
        self.out.close(inner);
        self.out.count(ranges.len())?;
        let inner = self.out.open();
        for _ in ranges {
            self.out.f32(0.0);
            self.out.f32(1.0);
        }
        self.out.close(inner);
        self.out.bool(true);
        self.out.count(1)?;
        let inner = self.out.open();
        self.geode(&lod.coarse)?;
        self.out.close(inner);
        self.out.close(block);
        Ok(())
    }
}
