//! Whether the graph refers to what it should. Whether it computes what it should is tried with the runtime, in
//! `tests/own_model.rs`.

use proptest::prelude::*;

#[path = "../../tests/tiny/mod.rs"]
mod tiny;

use super::*;
use tiny::{Measures, Numbers, SMALL, Tiny};

fn built(tiny: &Tiny) -> onnx::Model {
    let graph = build(tiny.config().as_bytes(), &tiny.safetensors()).unwrap();
    onnx::Model::decode(graph.onnx.as_slice()).unwrap()
}

/// The error for a model that `change` was done to.
fn refused(change: impl FnOnce(&mut Tiny)) -> GraphError {
    let mut tiny = Tiny::new(SMALL);
    change(&mut tiny);
    build(tiny.config().as_bytes(), &tiny.safetensors()).unwrap_err()
}

#[test]
fn each_reference_is_to_the_bytes_of_its_tensor() {
    for prefix in ["", "bert."] {
        let tiny = Tiny::new(Measures { prefix, ..SMALL });
        let file = tiny.safetensors();
        let graph = built(&tiny).graph.unwrap();
        let mut found = 0;
        for initializer in graph.initializer {
            if initializer.data_location == 0 {
                continue;
            }
            found += 1;
            let entry = |key: &str| {
                let mut pairs = initializer.external_data.iter();
                pairs.find(|p| p.key == key).unwrap().value.clone()
            };
            assert_eq!(entry("location"), "model.safetensors");
            let offset: usize = entry("offset").parse().unwrap();
            let length: usize = entry("length").parse().unwrap();
            let (shape, values) = &tiny.tensors[&initializer.name];
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|&v| (v as f32).to_le_bytes())
                .collect();
            assert_eq!(
                &file[offset..offset + length],
                bytes,
                "{}",
                initializer.name
            );
            let dims: Vec<usize> = initializer.dims.iter().map(|&n| n as usize).collect();
            assert_eq!(dims, *shape, "{}", initializer.name);
        }
        assert_eq!(found, tiny.tensors.len() - 1, "all but the pooler");
    }
}

#[test]
fn every_input_of_a_node_is_made_before_it() {
    let graph = built(&Tiny::new(SMALL)).graph.unwrap();
    let mut there: Vec<String> = graph.input.into_iter().map(|i| i.name).collect();
    there.extend(graph.initializer.into_iter().map(|i| i.name));
    for node in graph.node {
        for input in &node.input {
            assert!(there.contains(input), "{} wants {input}", node.name);
        }
        for output in node.output {
            assert!(!there.contains(&output), "{output} is made twice");
            there.push(output);
        }
    }
    assert!(there.contains(&graph.output[0].name));
}

#[test]
fn the_same_files_give_the_same_graph() {
    let tiny = Tiny::new(SMALL);
    let [one, two] = [(); 2].map(|()| built(&tiny).encode_to_vec());
    assert_eq!(one, two);
    let positions = build(tiny.config().as_bytes(), &tiny.safetensors())
        .unwrap()
        .positions;
    assert_eq!(positions, SMALL.positions);
}

#[test]
fn what_is_no_bert_is_refused() {
    let tiny = Tiny::new(SMALL);
    let with = |config: &str| build(config.as_bytes(), &tiny.safetensors()).unwrap_err();
    for config in [
        r#"{"model_type": "roberta", "num_attention_heads": 4}"#,
        r#"{"model_type": "bert", "num_attention_heads": 4, "hidden_act": "relu"}"#,
        r#"{"model_type": "bert", "num_attention_heads": 4, "position_embedding_type": "relative_key"}"#,
    ] {
        let e = with(config);
        assert!(matches!(e, GraphError::Unsupported { .. }), "{e}");
        assert!(e.to_string().contains("ONNX"), "{e}");
    }
    for config in [
        "",
        "[]",
        r#"{"model_type": "bert"}"#,
        r#"{"model_type": "bert", "num_attention_heads": 3}"#,
        r#"{"model_type": "bert", "num_attention_heads": 0}"#,
    ] {
        let e = with(config);
        assert!(matches!(e, GraphError::Config(_)), "{config}: {e}");
    }
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let e = refused(|tiny| {
        tiny.tensors
            .remove("encoder.layer.1.attention.self.key.bias");
    });
    assert_eq!(
        e,
        GraphError::Missing("encoder.layer.1.attention.self.key.bias".to_owned())
    );
    let e = refused(|tiny| tiny.tensors.retain(|name, _| !name.contains("layer.0")));
    assert!(matches!(e, GraphError::Missing(_)), "{e}");
    let e = refused(|tiny| tiny.tensors.clear());
    assert!(matches!(e, GraphError::Missing(_)), "{e}");
    let e = refused(|tiny| {
        tiny.tensors.insert(
            "embeddings.LayerNorm.bias".to_owned(),
            (vec![8], vec![0.0; 8]),
        );
    });
    assert!(matches!(&e, GraphError::Shape { name, .. } if name == "embeddings.LayerNorm.bias"));
    let e = refused(|tiny| {
        tiny.tensors.insert(
            "embeddings.word_embeddings.weight".to_owned(),
            (vec![16], vec![0.0; 16]),
        );
    });
    assert!(e.to_string().contains("a matrix"), "{e}");
}

#[test]
fn numbers_that_are_no_floating_point_are_refused() {
    let tiny = Tiny::new(Measures {
        numbers: Numbers::F32,
        ..SMALL
    });
    // The same length in the header, so that all else stays.
    let mut file = tiny.safetensors();
    let end = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(file[8..end].to_vec()).unwrap();
    file.splice(8..end, header.replace("F32", "I32").into_bytes());
    let e = build(tiny.config().as_bytes(), &file).unwrap_err();
    assert!(matches!(e, GraphError::Numbers { .. }), "{e}");
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    let tiny = Tiny::new(SMALL);
    let file = tiny.safetensors();
    for end in [0, 7, 8, 100, file.len() / 2, file.len() - 1] {
        let e = build(tiny.config().as_bytes(), &file[..end]).unwrap_err();
        assert!(matches!(e, GraphError::Weights(_)), "{end}: {e}");
    }
}

proptest! {
    /// Whatever the files hold, it is a graph or an error.
    #[test]
    fn any_files_are_survived(config in any::<Vec<u8>>(), weights in any::<Vec<u8>>()) {
        let tiny = Tiny::new(SMALL);
        let _ = build(&config, &weights);
        let _ = build(tiny.config().as_bytes(), &weights);
    }

    /// A header in which something was changed, likewise.
    #[test]
    fn a_changed_header_is_survived(at in 0_usize..2000, byte in any::<u8>()) {
        let tiny = Tiny::new(SMALL);
        let mut file = tiny.safetensors();
        file[at] = byte;
        let _ = build(tiny.config().as_bytes(), &file);
    }
}
