using Pedigree.Evaluation.Residents;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Workflow.Activities;

/// <summary>A model's weights, and what keeps them on this machine.</summary>
internal sealed class OpenModel : IDisposable
{
    private readonly IDisposable _held;

    private OpenModel(string digest, Checkpoint checkpoint, IDisposable held, bool admitted) =>
        (Digest, Checkpoint, _held, IsAdmitted, Address) = (digest, checkpoint, held, admitted, checkpoint.Folder);

    /// <summary>Its digest.</summary>
    public string Digest { get; }

    /// <summary>The weights; of a model that is on a device alone the first parent's, which has the same configuration, tensors and tokenizer.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>The weights where they are on a device alone; only who scores a model is given such a one.</summary>
    public ResidentModel? Resident { get; private init; }

    /// <summary>What errors call it.</summary>
    public string Address { get; private init; }

    /// <summary>Whether a person gave it, rather than a merge.</summary>
    public bool IsAdmitted { get; }

    /// <summary>Opens the weights; where that fails nothing is kept.</summary>
    public static OpenModel Of(string digest, LocalCheckpoint held, bool admitted)
    {
        try
        {
            return new(digest, Checkpoint.Open(held.Folder), held, admitted);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>A child on a device.</summary>
    public static OpenModel Of(string digest, SummedChild child, string address) =>
        new(digest, child.Plan.Sources[0].Checkpoint, child, admitted: false) { Resident = child.Model, Address = address };

    /// <summary>What scores it: a child that cannot be scored never can; of an admitted model someone must be told.</summary>
    /// <exception cref="WorkFailedException">It is a child.</exception>
    public T Scored<T>(Func<T> score)
    {
        try
        {
            return score();
        }
        catch (BadInputException error) when (!IsAdmitted && error is not UnavailableException)
        {
            throw new WorkFailedException(error.Message, error);
        }
    }

    public void Dispose()
    {
        Checkpoint.Dispose();
        _held.Dispose();
    }
}
