"""The tiny models of make_golden.py: one config.json a family, as the hub writes it.

Sizes are small, mostly odd, and different from each other, so that a swapped dimension is a wrong
shape and not a wrong number. Rope scalings are chosen so that 70 positions leave the original
context and that frequencies fall on all sides of the ramp.
"""

VOCAB = 64
TOKEN_LENGTHS = [70, 23]  # the first crosses a page of 64 keys

COMMON = {
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 32,
    "initializer_range": 0.02,
    "max_position_embeddings": 256,
    "num_hidden_layers": 2,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "use_cache": True,
    "vocab_size": VOCAB,
}

LLAMA = COMMON | {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "intermediate_size": 44,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
}

QWEN2 = COMMON | {
    "architectures": ["Qwen2ForCausalLM"],
    "intermediate_size": 44,
    "max_window_layers": 2,
    "model_type": "qwen2",
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 131072,
    "use_sliding_window": False,
}

QWEN3 = COMMON | {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "head_dim": 12,
    "intermediate_size": 44,
    "max_window_layers": 2,
    "model_type": "qwen3",
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1000000,
    "sliding_window": None,
    "use_sliding_window": False,
}

QWEN3_MOE = QWEN3 | {
    "architectures": ["Qwen3MoeForCausalLM"],
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "model_type": "qwen3_moe",
    "moe_intermediate_size": 7,
    "norm_topk_prob": True,
    "num_experts": 8,
    "num_experts_per_tok": 3,
    "output_router_logits": False,
    "router_aux_loss_coef": 0.001,
}

DEEPSEEK = COMMON | {
    "attention_bias": False,
    "aux_loss_alpha": 0.001,
    "first_k_dense_replace": 1,
    "intermediate_size": 36,
    "kv_lora_rank": 14,
    "moe_intermediate_size": 6,
    "moe_layer_freq": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "pretraining_tp": 1,
    "qk_nope_head_dim": 6,
    "qk_rope_head_dim": 8,
    "rms_norm_eps": 1e-06,
    "rope_theta": 100,
    "seq_aux": True,
    "v_head_dim": 5,
}

DEEPSEEK_V2_LITE = DEEPSEEK | {
    "architectures": ["DeepseekV2ForCausalLM"],
    "model_type": "deepseek_v2",
    "n_group": 1,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "norm_topk_prob": False,
    "num_experts_per_tok": 3,
    "q_lora_rank": None,
    "rope_scaling": {
        "beta_fast": 1,
        "beta_slow": 0.25,
        "factor": 4,
        "mscale": 0.707,
        "mscale_all_dim": 0.707,
        "original_max_position_embeddings": 32,
        "type": "yarn",
    },
    "routed_scaling_factor": 1.0,
    "scoring_func": "softmax",
    "topk_group": 1,
    "topk_method": "greedy",
}

DEEPSEEK_V2 = DEEPSEEK_V2_LITE | {
    "n_group": 3,
    "n_routed_experts": 12,
    "moe_intermediate_size": 5,
    "q_lora_rank": 11,
    # mscale and mscale_all_dim differ, so cos and sin are scaled too
    "rope_scaling": DEEPSEEK_V2_LITE["rope_scaling"] | {"mscale": 1.0, "mscale_all_dim": 0.707},
    "rms_norm_eps": 0.001,  # the norms of the latents keep 1e-6 whatever stands here
    "routed_scaling_factor": 16.0,
    "topk_group": 2,
    "topk_method": "group_limited_greedy",
}

DEEPSEEK_V3 = DEEPSEEK | {
    "architectures": ["DeepseekV3ForCausalLM"],
    "intermediate_size": 28,
    "model_type": "deepseek_v3",
    "moe_intermediate_size": 5,
    "n_group": 3,
    "n_routed_experts": 12,
    "n_shared_experts": 1,
    "norm_topk_prob": True,
    "num_experts_per_tok": 3,
    "num_nextn_predict_layers": 1,
    "q_lora_rank": 11,
    "rope_scaling": {
        "beta_fast": 1,
        "beta_slow": 0.25,
        "factor": 8,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 32,
        "type": "yarn",
    },
    "routed_scaling_factor": 2.5,
    "scoring_func": "sigmoid",
    "topk_group": 2,
    "topk_method": "noaux_tc",
}

FIXTURES = {
    "llama": LLAMA,
    "llama3": LLAMA | {
        "head_dim": 12,
        "rope_scaling": {
            "factor": 8.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 32,
            "rope_type": "llama3",
        },
        "rope_theta": 50.0,
        "tie_word_embeddings": True,
    },
    "llama_linear": LLAMA | {
        "rope_scaling": {"factor": 3.0, "type": "linear"},
        "rope_theta": 1000.0,
    },
    # what few checkpoints have: biases everywhere, a ramp without rounded ends, a given temperature
    "llama_yarn_bias": LLAMA | {
        "attention_bias": True,
        "intermediate_size": 28,
        "mlp_bias": True,
        "rope_scaling": {
            "attention_factor": 1.3,
            "beta_fast": 4.0,
            "beta_slow": 0.5,
            "factor": 4.0,
            "original_max_position_embeddings": 32,
            "rope_type": "yarn",
            "truncate": False,
        },
        "rope_theta": 50.0,
    },
    "qwen2": QWEN2 | {"tie_word_embeddings": True},
    "qwen2_yarn": QWEN2 | {
        "rope_scaling": {"factor": 4.0, "original_max_position_embeddings": 16, "type": "yarn"},
        "rope_theta": 20.0,
    },
    "qwen3": QWEN3 | {"tie_word_embeddings": True},
    "qwen3_moe": QWEN3_MOE,
    # experts in the last of four layers only; weights of the chosen as they are; biases
    "qwen3_moe_mixed": QWEN3_MOE | {
        "attention_bias": True,
        "decoder_sparse_step": 2,
        "head_dim": 10,
        "intermediate_size": 20,
        "mlp_only_layers": [1],
        "norm_topk_prob": False,
        "num_attention_heads": 2,
        "num_hidden_layers": 4,
        "num_key_value_heads": 1,
    },
    "deepseek_v2_lite": DEEPSEEK_V2_LITE,
    "deepseek_v2": DEEPSEEK_V2,
    "deepseek_v3": DEEPSEEK_V3,
    # V3 routing at the sizes of V2-Lite: no groups, no latent of queries, no scaling, no MTP
    "deepseek_v3_lite": DEEPSEEK_V3 | {
        "n_group": 1,
        "n_routed_experts": 8,
        "n_shared_experts": 2,
        "num_nextn_predict_layers": 0,
        "q_lora_rank": None,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "routed_scaling_factor": 2.446,
        "topk_group": 1,
    },
}

# config.json as transformers 5 saves it (rope_parameters, dtype); the others keep the hub's style.
# Each folder has the other style beside it as other_config.json.
SAVED_BY_TRANSFORMERS = {"llama_linear", "qwen2_yarn", "qwen3", "qwen3_moe_mixed", "deepseek_v2"}
