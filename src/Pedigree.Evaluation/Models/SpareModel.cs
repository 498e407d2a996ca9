using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// A model that was let go, kept for the next one: where that is of the same configuration, as all of a family are, its weights
/// are copied into the same memory. It holds one model at most; of several let go the last.
/// </summary>
public sealed class SpareModel : IDisposable
{
    private LanguageModel? _kept;

    /// <summary>A checkpoint as a model, in the memory of the one kept if it fits.</summary>
    /// <exception cref="BadInputException">The checkpoint is not right.</exception>
    internal LanguageModel Load(Checkpoint checkpoint, string? device, DType? dtype)
    {
        if (Interlocked.Exchange(ref _kept, null) is { } spare)
        {
            var filled = false;
            try
            {
                filled = spare.TryRefill(checkpoint, device, dtype);
            }
            finally
            {
                if (!filled)
                    spare.Dispose();
            }
            if (filled)
                return spare;
        }
        return LanguageModel.Load(checkpoint, device, dtype);
    }

    internal void Keep(LanguageModel model) => Interlocked.Exchange(ref _kept, model)?.Dispose();

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _kept, null)?.Dispose();
}
