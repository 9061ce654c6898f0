//! The side files that tell what assets there are: names map, library, asset table of the HTML viewer.
