"""Log-probabilities of tiny Llama-family models, computed in float64 by plain Python, independently of the C# code.

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


def rotary(config, d, length):
    """Inverse wavelengths and amplitude, after the transformers library's modeling_rope_utils."""
    theta, scaling = config["rope_theta"], config.get("rope_scaling") or {"rope_type": "default"}
    kind, factor = scaling["rope_type"], scaling.get("factor", 1)
    trained = scaling.get("original_max_position_embeddings", config["max_position_embeddings"])
    if kind == "dynamic" and length > trained:
        theta *= (factor * length / trained - (factor - 1)) ** (d / (d - 2))
    freqs = [1 / theta ** (2 * i / d) for i in range(d // 2)]
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
    half = len(x) // 2
    out = [0.0] * len(x)
    for i in range(half):
        c, s = math.cos(position * freqs[i]) * amplitude, math.sin(position * freqs[i]) * amplitude
        out[i] = x[i] * c - x[i + half] * s
        out[i + half] = x[i + half] * c + x[i] * s
    return out


def log_probabilities(config, tokens):
    width, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    groups = config["num_key_value_heads"]
    d = config.get("head_dim", width // heads)
    eps = config["rms_norm_eps"]
    kind = config["model_type"]
    qkv_bias = kind == "qwen2" or config.get("attention_bias", False)
    out_bias = kind == "llama" and config.get("attention_bias", False)
    mlp_bias = config.get("mlp_bias", False)
    window = config.get("sliding_window") if kind == "mistral" else None
    inputs = tokens[:-1]
    freqs, amplitude = rotary(config, d, len(inputs))
    table = matrix("model.embed_tokens.weight", config["vocab_size"], width)
    stream = [list(table[t]) for t in inputs]
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."

        def projection(name, rows, columns, bias):
            return (matrix(p + name + ".weight", rows, columns), vector(p + name + ".bias", rows) if bias else None)
        q, k, v = (projection(f"self_attn.{n}_proj", m * d, width, qkv_bias)
                   for n, m in (("q", heads), ("k", groups), ("v", groups)))
        o = projection("self_attn.o_proj", width, heads * d, out_bias)
        gate, up = (projection(f"mlp.{n}_proj", inner, width, mlp_bias) for n in ("gate", "up"))
        down = projection("mlp.down_proj", width, inner, mlp_bias)
        before, after = vector(p + "input_layernorm.weight", width), vector(p + "post_attention_layernorm.weight", width)
        normed = [norm(x, before, eps) for x in stream]
        queries, keys, values = ([times(*m_b_x) for m_b_x in ((w[0], x, w[1]) for x in normed)] for w in (q, k, v))
        for t in range(len(inputs)):
            joined = []
            for h in range(heads):
                g = h // (heads // groups)
                query = rotate(queries[t][h * d:(h + 1) * d], freqs, amplitude, t)
                first = 0 if window is None else max(0, t - window + 1)
                scores = [sum(a * b for a, b in zip(query, rotate(keys[s][g * d:(g + 1) * d], freqs, amplitude, s)))
                          / math.sqrt(d) for s in range(first, t + 1)]
                peak = max(scores)
                weights = [math.exp(s - peak) for s in scores]
                total = sum(weights)
                joined += [sum(w * values[first + i][g * d + j] for i, w in enumerate(weights)) / total for j in range(d)]
            stream[t] = [a + b for a, b in zip(stream[t], times(o[0], joined, o[1]))]
            x = norm(stream[t], after, eps)
            gated = [a / (1 + math.exp(-a)) * b for a, b in zip(times(gate[0], x, gate[1]), times(up[0], x, up[1]))]
            stream[t] = [a + b for a, b in zip(stream[t], times(down[0], gated, down[1]))]
    final = vector("model.norm.weight", width)
    head = table if config.get("tie_word_embeddings") else matrix("lm_head.weight", config["vocab_size"], width)
    out = []
    for x, target in zip(stream, tokens[1:]):
        logits = times(head, norm(x, final, eps))
        peak = max(logits)
        out.append(logits[target] - peak - math.log(sum(math.exp(z - peak) for z in logits)))
    return out


COMMON = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              vocab_size=64, max_position_embeddings=32, rms_norm_eps=1e-5, rope_theta=10000.0, hidden_act="silu")
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
}

if __name__ == "__main__":
    golden = []
    for name, config in CASES.items():
        tokens = [(7 * i * i + 3 * i + 5) % 64 for i in range(14)]
        golden.append(dict(name=name, config=config, tokens=tokens, logProbabilities=log_probabilities(config, tokens)))
    with open("golden.json", "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")
