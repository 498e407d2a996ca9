using Pedigree.Weights.Grams;

namespace Pedigree.Workflow.Activities;

/// <summary>Several models, open at once: a base and its descendants.</summary>
internal sealed class OpenFamily : IDisposable
{
    private readonly List<OpenModel> _models = [];

    /// <summary>The models, in the order in which they were opened.</summary>
    public IReadOnlyList<Relative> Relatives => [.. _models.Select(model => new Relative(model.Digest, model.Checkpoint))];

    /// <summary>Whether one of them lies on a device alone.</summary>
    public bool IsOnDevice => _models.Any(model => model.Resident is not null);

    /// <summary>Opens models, the base first, to read their weights.</summary>
    public static async Task<OpenFamily> OpenAsync(
        IEnumerable<string> digests, Models models, WorkNews news, CancellationToken cancellation)
    {
        OpenFamily family = new();
        try
        {
            foreach (string digest in digests)
                family._models.Add(await models.OpenWeightsAsync(digest, news, cancellation));
            return family;
        }
        catch
        {
            family.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (OpenModel model in _models)
            model.Dispose();
    }
}
