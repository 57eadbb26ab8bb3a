//! The model that this crate carries: all-MiniLM-L6-v2 trained further, in a quarter of its size.
//!
//! `training/quantise.py` writes each matrix as rows of 8-bit integers with a scale for each row, which a repository and a
//! binary can hold. The set-up widens them once to the 32 bits that the runtime is fast with; what results has a pinned
//! checksum like any file that is fetched.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, SafeTensorError, TensorView, serialize};

/// A tensor of this name and one with this ending hold a matrix and the scales of its rows.
const SCALE: &str = ".scale";

/// The file that this crate carries under `name`, as it is to lie in the data folder: weights are widened.
pub(crate) fn shipped(name: &str) -> Option<Result<Vec<u8>, SafeTensorError>> {
    match name {
        "casebook-minilm.safetensors" => Some(widen(include_bytes!(
            "../model/casebook-minilm.safetensors"
        ))),
        "config.json" => Some(Ok(include_bytes!("../model/config.json").to_vec())),
        _ => None,
    }
}

/// The same tensors, each in 32 bits. The same bytes give the same bytes.
///
/// # Errors
/// Where `quantised` is no safetensors file, or a matrix of integers has no scale for each of its rows.
fn widen(quantised: &[u8]) -> Result<Vec<u8>, SafeTensorError> {
    let tensors = SafeTensors::deserialize(quantised)?;
    let mut wide = BTreeMap::new();
    for (name, tensor) in tensors.iter() {
        if name.ends_with(SCALE) {
            continue;
        }
        let bytes = match tensor.dtype() {
            Dtype::I8 => rows(&tensor, &tensors.tensor(&format!("{name}{SCALE}"))?)?,
            _ => tensor.data().to_vec(),
        };
        wide.insert(name, (tensor.shape().to_vec(), bytes));
    }
    let views = wide
        .iter()
        .map(|(name, (shape, bytes))| {
            Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, SafeTensorError>>()?;
    serialize(views, None)
}

/// Each integer of a matrix times its row's scale, as little-endian bytes.
fn rows(matrix: &TensorView<'_>, scales: &TensorView<'_>) -> Result<Vec<u8>, SafeTensorError> {
    let (scales, rest) = scales.data().as_chunks::<4>();
    let width = matrix.shape().iter().skip(1).product::<usize>();
    if matrix.shape().first() != Some(&scales.len()) || !rest.is_empty() || width == 0 {
        return Err(SafeTensorError::TensorInvalidInfo);
    }
    let rows = matrix.data().chunks(width).zip(scales);
    Ok(rows
        .flat_map(|(row, scale)| {
            let scale = f32::from_le_bytes(*scale);
            row.iter()
                .flat_map(move |x| (f32::from(x.cast_signed()) * scale).to_le_bytes())
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(scales: &[f32]) -> Vec<u8> {
        let matrix: Vec<u8> = [1i8, -2, 3, 127, 0, -128].map(i8::cast_unsigned).to_vec();
        let scales: Vec<u8> = scales.iter().flat_map(|s| s.to_le_bytes()).collect();
        let bias: Vec<u8> = 0.25f32.to_le_bytes().to_vec();
        let view =
            |dtype, shape: &[usize], bytes| TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
        serialize(
            [
                ("m", view(Dtype::I8, &[2, 3], &matrix)),
                ("m.scale", view(Dtype::F32, &[scales.len() / 4], &scales)),
                ("bias", view(Dtype::F32, &[1], &bias)),
            ],
            None,
        )
        .unwrap()
    }

    #[test]
    fn rows_are_multiplied_by_their_scales() {
        let wide = widen(&file(&[0.5, 2.0])).unwrap();
        let wide = SafeTensors::deserialize(&wide).unwrap();
        let numbers = |name| -> Vec<f32> {
            let (chunks, _) = wide.tensor(name).unwrap().data().as_chunks::<4>();
            chunks.iter().map(|c| f32::from_le_bytes(*c)).collect()
        };
        assert_eq!(numbers("m"), [0.5, -1.0, 1.5, 254.0, 0.0, -256.0]);
        assert_eq!(numbers("bias"), [0.25]);
        assert_eq!(wide.names().len(), 2);
    }

    #[test]
    fn a_row_without_a_scale_is_an_error() {
        assert!(widen(&file(&[0.5])).is_err());
        assert!(widen(b"no weights").is_err());
    }
}
