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
        (Digest, Checkpoint, _held, IsAdmitted) = (digest, checkpoint, held, admitted);

    /// <summary>Its digest.</summary>
    public string Digest { get; }

    /// <summary>The weights.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>The weights where they lie in no file, but on a device alone.</summary>
    public ResidentModel? Resident { get; private init; }

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

    /// <summary>A child on a device; both are held from now on.</summary>
    /// <param name="child">What is known of it.</param>
    /// <param name="resident">Its weights.</param>
    /// <param name="like">A model that has its configuration and tokenizer.</param>
    /// <param name="address">What errors call it.</param>
    public static OpenModel Of(RemovedChild child, ResidentModel resident, OpenModel like, string address) =>
        new(child.Recipe.Digest, resident.Open(like.Checkpoint, address, child.File), like, admitted: false)
        {
            Resident = resident,
        };

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
        Resident?.Dispose();
        _held.Dispose();
    }
}
