"""Log-probabilities of tiny models of every family, computed in float64 by plain Python, independently of the C# code.

Weights are a function of tensor name and index, which the test evaluates too, so no model has to be kept.
Run without arguments in this folder; it writes golden.json. Needs Python 3 and nothing else.
"""
import json
import math


def value(name, index):
    h = 2166136261
    for byte in f"{name}/{index}".encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h ^= h >> 13
    v = (h & 0xFFFF) / 65536 - 0.5
    return 1 + v / 2 if name.endswith("norm.weight") else v / 2 if name.startswith("model.layers") else v


def matrix(name, rows, columns):
    return [[value(name, r * columns + c) for c in range(columns)] for r in range(rows)]


def vector(name, size):
    return [value(name, i) for i in range(size)]


def times(m, x, bias=None):
    y = [sum(a * b for a, b in zip(row, x)) for row in m]
    return y if bias is None else [a + b for a, b in zip(y, bias)]


def norm(x, weight, eps):
    scale = 1 / math.sqrt(sum(v * v for v in x) / len(x) + eps)
    return [v * scale * w for v, w in zip(x, weight)]


def layer_norm(x, weight, bias, eps):
    mean = sum(x) / len(x)
    variance = sum((v - mean) ** 2 for v in x) / len(x)
    return [(v - mean) / math.sqrt(variance + eps) * w + b for v, w, b in zip(x, weight, bias)]


ACTIVATIONS = {
    "silu": lambda a: a / (1 + math.exp(-a)),
    "gelu": lambda a: a * 0.5 * (1 + math.erf(a / math.sqrt(2))),
    "gelu_pytorch_tanh": lambda a: 0.5 * a * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a ** 3))),
}


def rotary(config, d, length):
    """Inverse wavelengths and amplitude, after the transformers library's modeling_rope_utils."""
    theta, scaling = config.get("rope_theta", config.get("rotary_emb_base")), config.get("rope_scaling") or {"rope_type": "default"}
    kind, factor = scaling["rope_type"], scaling.get("factor", 1)
    trained = scaling.get("original_max_position_embeddings", config["max_position_embeddings"])
    if kind == "dynamic" and length > trained:
        theta *= (factor * length / trained - (factor - 1)) ** (d / (d - 2))
    freqs = [1 / theta ** (2 * i / d) for i in range(d // 2)]
    if kind == "longrope":
        trained = config["original_max_position_embeddings"]
        factors = scaling["long_factor" if length > trained else "short_factor"]
        ratio = config["max_position_embeddings"] / trained
        return [f / x for f, x in zip(freqs, factors)], math.sqrt(1 + math.log(ratio) / math.log(trained))
    if kind == "linear":
        return [f / factor for f in freqs], 1
    if kind == "llama3":
        out = []
        for f in freqs:
            wavelength = 2 * math.pi / f
            if wavelength < trained / scaling["high_freq_factor"]:
                out.append(f)
            elif wavelength > trained / scaling["low_freq_factor"]:
                out.append(f / factor)
            else:
                smooth = (trained / wavelength - scaling["low_freq_factor"]) / (
                    scaling["high_freq_factor"] - scaling["low_freq_factor"])
                out.append((1 - smooth) * f / factor + smooth * f)
        return out, 1
    if kind == "yarn":
        def dimension(rotations):
            return d * math.log(trained / (rotations * 2 * math.pi)) / (2 * math.log(theta))
        low, high = max(math.floor(dimension(32)), 0), min(math.ceil(dimension(1)), d - 1)
        out = []
        for i, f in enumerate(freqs):
            ramp = min(max((i - low) / ((high - low) or 0.001), 0), 1)
            out.append(f / factor * ramp + f * (1 - ramp))
        return out, 0.1 * math.log(factor) + 1
    return freqs, 1


def rotate(x, freqs, amplitude, position):
    half = len(freqs)
    out = list(x)
    for i in range(half):
        c, s = math.cos(position * freqs[i]) * amplitude, math.sin(position * freqs[i]) * amplitude
        out[i] = x[i] * c - x[i + half] * s
        out[i + half] = x[i + half] * c + x[i] * s
    return out


def projections(config, p, width, inner, heads, groups, d):
    """Weight and bias of q, k, v, o, gate, up, down of a layer, from wherever the family keeps them."""
    kind = config["model_type"]
    if kind == "phi3":
        qkv, both = matrix(p + "self_attn.qkv_proj.weight", (heads + 2 * groups) * d, width), matrix(p + "mlp.gate_up_proj.weight", 2 * inner, width)
        cuts = [0, heads * d, (heads + groups) * d, (heads + 2 * groups) * d]
        return [(qkv[cuts[i]:cuts[i + 1]], None) for i in range(3)] + [(matrix(p + "self_attn.o_proj.weight", width, heads * d), None)] + [
            (both[:inner], None), (both[inner:], None), (matrix(p + "mlp.down_proj.weight", width, inner), None)]
    if kind == "gpt_neox":
        qkv, bias = matrix(p + "attention.query_key_value.weight", 3 * heads * d, width), vector(p + "attention.query_key_value.bias", 3 * heads * d)
        out = []
        for part in range(3):  # a head's query, key and value lie beside each other
            rows = [h * 3 * d + part * d + i for h in range(heads) for i in range(d)]
            out.append(([qkv[r] for r in rows], [bias[r] for r in rows]))
        return out + [(matrix(p + n + ".weight", r, c), vector(p + n + ".bias", r)) if n else None for n, r, c in (
            ("attention.dense", width, heads * d), (None, 0, 0), ("mlp.dense_h_to_4h", inner, width), ("mlp.dense_4h_to_h", width, inner))]
    qkv_bias = kind == "qwen2" or config.get("attention_bias", False)
    out_bias = kind != "qwen2" and config.get("attention_bias", False)
    mlp_bias = config.get("mlp_bias", False)
    return [(matrix(p + n + ".weight", r, c), vector(p + n + ".bias", r) if b else None) for n, r, c, b in (
        ("self_attn.q_proj", heads * d, width, qkv_bias), ("self_attn.k_proj", groups * d, width, qkv_bias), ("self_attn.v_proj", groups * d, width, qkv_bias),
        ("self_attn.o_proj", width, heads * d, out_bias), ("mlp.gate_proj", inner, width, mlp_bias), ("mlp.up_proj", inner, width, mlp_bias),
        ("mlp.down_proj", width, inner, mlp_bias))]


def window_of(config, layer):
    kind, window = config["model_type"], config.get("sliding_window")
    if kind == "gemma2":
        return window if layer % 2 == 0 else None
    if kind == "gemma3_text":
        return window if (layer + 1) % config.get("sliding_window_pattern", 6) else None
    if kind == "qwen3":
        return window if config.get("use_sliding_window") and layer >= config["max_window_layers"] else None
    return window if kind in ("mistral", "phi3") else None


def log_probabilities(config, tokens):
    width, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    kind = config["model_type"]
    gemma, neox = kind.startswith("gemma"), kind == "gpt_neox"
    groups = config.get("num_key_value_heads", heads)
    d = config.get("head_dim", width // heads)
    eps = config["layer_norm_eps" if neox else "rms_norm_eps"]
    act = ACTIVATIONS[config.get("hidden_activation", config.get("hidden_act"))]
    inputs = tokens[:-1]
    turned = int(d * config.get("partial_rotary_factor", config.get("rotary_pct", 1)))
    root = "gpt_neox." if neox else "model."
    table = matrix(root + ("embed_in" if neox else "embed_tokens") + ".weight", config["vocab_size"], width)
    stream = [[v * (math.sqrt(width) if gemma else 1) for v in table[t]] for t in inputs]
    score_root = math.sqrt(config["query_pre_attn_scalar"] if gemma else d)
    cap = config.get("attn_logit_softcapping")

    def normed(x, name):
        size = len(x)
        weight = vector(name + ".weight", size)
        if neox:
            return layer_norm(x, weight, vector(name + ".bias", size), eps)
        return norm(x, [w + 1 for w in weight] if gemma else weight, eps)
    for layer in range(config["num_hidden_layers"]):
        p = f"{root}layers.{layer}."
        q, k, v, o, gate, up, down = projections(config, p, width, inner, heads, groups, d)
        window = window_of(config, layer)
        local = kind == "gemma3_text" and window is not None
        freqs, amplitude = rotary(dict(config, rope_theta=config["rope_local_base_freq"], rope_scaling=None) if local else config, turned, len(inputs))
        before = [normed(x, p + "input_layernorm") for x in stream]
        queries, keys, values = ([times(w[0], x, w[1]) for x in before] for w in (q, k, v))

        def head(numbers, place, t, name):
            part = numbers[place * d:(place + 1) * d]
            if kind in ("qwen3", "gemma3_text"):
                part = normed(part, p + f"self_attn.{name}_norm")
            return rotate(part, freqs, amplitude, t)
        for t in range(len(inputs)):
            joined = []
            for h in range(heads):
                g = h // (heads // groups)
                query = head(queries[t], h, t, "q")
                first = 0 if window is None else max(0, t - window + 1)
                scores = [sum(a * b for a, b in zip(query, head(keys[s], g, s, "k"))) / score_root for s in range(first, t + 1)]
                if cap:
                    scores = [cap * math.tanh(s / cap) for s in scores]
                peak = max(scores)
                weights = [math.exp(s - peak) for s in scores]
                total = sum(weights)
                joined += [sum(w * values[first + i][g * d + j] for i, w in enumerate(weights)) / total for j in range(d)]
            attended = times(o[0], joined, o[1])
            if gemma:
                attended = normed(attended, p + "post_attention_layernorm")
            between = [a + b for a, b in zip(stream[t], attended)]
            parallel = neox and config.get("use_parallel_residual", True)
            x = normed(stream[t] if parallel else between, p + ("pre_feedforward_layernorm" if gemma else "post_attention_layernorm"))
            raised = times(up[0], x, up[1])
            raised = [act(a) for a in raised] if gate is None else [act(a) * b for a, b in zip(times(gate[0], x, gate[1]), raised)]
            fed = times(down[0], raised, down[1])
            if gemma:
                fed = normed(fed, p + "post_feedforward_layernorm")
            stream[t] = [a + b for a, b in zip(between, fed)]
    tied = config.get("tie_word_embeddings", gemma)
    head_weight = table if tied else matrix("embed_out.weight" if neox else "lm_head.weight", config["vocab_size"], width)
    cap = config.get("final_logit_softcapping")
    out = []
    for x, target in zip(stream, tokens[1:]):
        logits = times(head_weight, normed(x, root + ("final_layer_norm" if neox else "norm")))
        if cap:
            logits = [cap * math.tanh(z / cap) for z in logits]
        peak = max(logits)
        out.append(logits[target] - peak - math.log(sum(math.exp(z - peak) for z in logits)))
    return out


COMMON = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              vocab_size=64, max_position_embeddings=32, rms_norm_eps=1e-5, rope_theta=10000.0, hidden_act="silu")
GEMMA = {k: v for k, v in COMMON.items() if k != "hidden_act"} | dict(head_dim=16, hidden_activation="gelu_pytorch_tanh")
LONG = dict(rope_type="longrope", short_factor=[1.0, 1.1, 1.3, 1.8], long_factor=[1.0, 2.0, 3.5, 6.0])
NEOX = {k: v for k, v in COMMON.items() if k not in ("num_key_value_heads", "rms_norm_eps", "hidden_act", "rope_theta")} | dict(
    model_type="gpt_neox", layer_norm_eps=1e-5, hidden_act="gelu", rotary_emb_base=10000, rotary_pct=0.25, num_attention_heads=2)
CASES = {
    "llama, llama3 scaling": dict(COMMON, model_type="llama", rope_scaling=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)),
    "llama, biases, linear scaling": dict(COMMON, model_type="llama", attention_bias=True, mlp_bias=True,
                                          rope_scaling=dict(rope_type="linear", factor=4.0)),
    "llama, dynamic scaling": dict(COMMON, model_type="llama", max_position_embeddings=8,
                                   rope_scaling=dict(rope_type="dynamic", factor=4.0)),
    "llama, yarn scaling": dict(COMMON, model_type="llama", rope_scaling=dict(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=8)),
    "mistral, sliding window, wide heads": dict(COMMON, model_type="mistral", sliding_window=4, head_dim=16),
    "qwen2, biases, tied head": dict(COMMON, model_type="qwen2", rope_theta=1000000.0, tie_word_embeddings=True),
    "qwen3, norms of queries and keys": dict(COMMON, model_type="qwen3", head_dim=12, rope_theta=1000000.0),
    "qwen3, biases, a window from the second layer on": dict(COMMON, model_type="qwen3", head_dim=8, attention_bias=True,
                                                             use_sliding_window=True, sliding_window=4, max_window_layers=1),
    "gemma2, caps, every other layer a window": dict(
        GEMMA, model_type="gemma2", sliding_window=4, query_pre_attn_scalar=24, attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
    "gemma2, no caps": dict(GEMMA, model_type="gemma2", sliding_window=6, query_pre_attn_scalar=16, attn_logit_softcapping=None, final_logit_softcapping=None),
    "gemma3, local and global angles": dict(
        GEMMA, model_type="gemma3_text", num_hidden_layers=3, sliding_window=5, sliding_window_pattern=3, query_pre_attn_scalar=16, rope_theta=1000000.0,
        rope_local_base_freq=10000.0, rope_scaling=dict(rope_type="linear", factor=8.0)),
    "phi3, fused projections, a window": dict(COMMON, model_type="phi3", sliding_window=5),
    "phi3, long factors": dict(COMMON, model_type="phi3", original_max_position_embeddings=8, rope_scaling=LONG),
    "phi3, short factors, half of each head turned": dict(COMMON, model_type="phi3", head_dim=16, partial_rotary_factor=0.5, max_position_embeddings=64,
                                                          original_max_position_embeddings=32, rope_scaling=LONG),
    "gpt_neox, parallel": dict(NEOX, use_parallel_residual=True),
    "gpt_neox, one after the other, tied head": dict(NEOX, use_parallel_residual=False, rotary_pct=1.0, tie_word_embeddings=True),
}

if __name__ == "__main__":
    golden = []
    for name, config in CASES.items():
        tokens = [(7 * i * i + 3 * i + 5) % 64 for i in range(14)]
        golden.append(dict(name=name, config=config, tokens=tokens, logProbabilities=log_probabilities(config, tokens)))
    with open("golden.json", "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")
