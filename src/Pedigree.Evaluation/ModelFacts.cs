using Pedigree.Evaluation.Tokenizers;

namespace Pedigree.Evaluation;

/// <summary>What results say of the model itself.</summary>
/// <param name="Parameters">Number of its weights; null of a model that is served elsewhere.</param>
/// <param name="Precision">Type of the arithmetic, as torch writes it; null of a model that is served elsewhere.</param>
/// <param name="ContextLength">The most tokens that it reads.</param>
/// <param name="Tokenizer">Its tokenizer.</param>
public sealed record ModelFacts(long? Parameters, string? Precision, int ContextLength, ITextTokenizer Tokenizer);
