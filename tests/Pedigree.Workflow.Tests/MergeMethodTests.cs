using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Tests;

/// <summary>Merge methods other than SLERP in a run.</summary>
public sealed class MergeMethodTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_of_a_random_method_is_made_again_bit_for_bit_and_another_seed_makes_others()
    {
        const string Merge = "method: dare_ties, parameters: { weight: 0.7, density: 0.6 }";
        RunRecord run = await Run("seven", Merge, extra: "seed: 7");
        ReplayResult replayed = await Auditor.ReplayAsync(Store.Open(_folder["store"]), "seven", remerge: true);
        Assert.Null(replayed.FirstDifference);
        string[] digests = [.. run.Events.OfType<MergeCompleted>().Select(merged => merged.Digest)];
        Assert.NotEmpty(digests);
        Assert.All(digests, digest => Assert.Contains(
            "\"seed\": 7", File.ReadAllText(Store.Open(_folder["store"]).AddressOf(StoreNames.Recipe(digest)))));
        RunRecord other = await Run("eight", Merge, extra: "seed: 8");
        Assert.Empty(digests.Intersect(other.Events.OfType<MergeCompleted>().Select(merged => merged.Digest)));
    }

    [Theory]
    [InlineData("method: ties, parameters: { weight: 1, density: 0.5 }", KinshipPrice.Measured)]
    [InlineData("method: model_stock", KinshipPrice.Predicted)]
    [InlineData("method: nuslerp, base_model: base, parameters: { weight: 1 }", KinshipPrice.Predicted)]
    public async Task Children_are_predicted_where_their_method_allows_it_and_measured_where_not(string merge, KinshipPrice price)
    {
        RunRecord run = await Run("run", merge, kinship: "price: predicted");
        HashSet<string> children = [.. run.Events.OfType<MergeCompleted>().Select(merged => merged.Name)];
        KinshipMeasured[] measured = [.. run.Events.OfType<KinshipMeasured>().Where(one => children.Contains(one.Name))];
        Assert.NotEmpty(measured);
        Assert.All(measured.SelectMany(one => one.Row), entry => Assert.Equal(price, entry.Price));
        Assert.Null((await Auditor.ReplayAsync(Store.Open(_folder["store"]), "run", remerge: true)).FirstDifference);
    }

    [Theory]
    [InlineData("method: passthrough", "merge.method: passthrough does not take 2 models")]
    [InlineData("method: della, parameters: { weight: 1, density: 0.9 }", "choose a smaller epsilon")]
    [InlineData("method: ties, base_model: reverse, parameters: { weight: 1 }", "must be `base`, the base of the run")]
    [InlineData("method: slerp, base_model: base, parameters: { t: 0.5 }", "unknown key `base_model`")]
    public async Task A_method_that_makes_no_child_of_two_is_refused_before_anything_is_written(string merge, string expected)
    {
        BadInputException error = await Assert.ThrowsAsync<BadInputException>(() => Run("run", merge));
        Assert.Contains(expected, error.Message);
        Assert.False(Directory.Exists(Path.Combine(_folder["store"], "checkpoints")));
    }

    private Task<RunRecord> Run(string name, string merge, string kinship = "measure: pearson", string extra = "")
    {
        string text = Samples.Spec(kinship: kinship, stop: "generations: 1, kinship: null", extra: extra)
            .Replace("method: slerp, parameters: { t: 0.5 }", merge, StringComparison.Ordinal)
            .Replace("limit: 6", "limit: 2", StringComparison.Ordinal);
        return EmbeddedHost.RunAsync(Samples.Write(_folder["spec.yaml"], text), Store.Open(_folder["store"]), name);
    }
}
