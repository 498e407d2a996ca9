using Pedigree.Evaluation.Family;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Family;

public sealed class FamilyTrainerTests : IDisposable
{
    private static readonly FamilyOptions Tiny =
        new() { BaseSteps = 4, ExpertSteps = 2, BatchSize = 4, Width = 16, Layers = 1, Questions = 3 };

    private readonly string _folder = Directory.CreateTempSubdirectory("pedigree-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_same_seed_trains_the_same_family_byte_for_byte_and_another_seed_another()
    {
        FamilyTrainer.Train(Path.Combine(_folder, "once"), Tiny);
        FamilyTrainer.Train(Path.Combine(_folder, "again"), Tiny);
        FamilyTrainer.Train(Path.Combine(_folder, "other"), Tiny with { Seed = 1 });
        var once = Contents("once");
        Assert.Equal(once, Contents("again"));
        var other = Contents("other");
        Assert.Equal(once.Keys, other.Keys);
        Assert.All(once.Keys.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal)),
            name => Assert.NotEqual(once[name], other[name]));
    }

    [Fact]
    public void A_folder_that_exists_is_refused_and_left_alone()
    {
        var error = Assert.Throws<BadInputException>(() => FamilyTrainer.Train(_folder, Tiny));
        Assert.Equal(_folder, error.File);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Cancelled_training_leaves_nothing_behind()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => FamilyTrainer.Train(Path.Combine(_folder, "family"), Tiny, null, cancelled.Token));
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("reverse", "cabbage", "egabbac")]
    [InlineData("sort", "cabbage", "aabbceg")]
    [InlineData("shift", "zebra", "afcsb")]
    [InlineData("dedup", "cabbage", "cabge")]
    [InlineData("max", "cabbage", "g")]
    [InlineData("min", "cabbage", "a")]
    public void A_skill_answers_rightly(string name, string word, string answer) =>
        Assert.Equal(answer, Skill.All.Single(skill => skill.Name == name).Answer(word));

    private SortedDictionary<string, string> Contents(string family)
    {
        var root = Path.Combine(_folder, family);
        return new(Directory.GetFiles(root, "*", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetRelativePath(root, file),
            file => Convert.ToHexString(File.ReadAllBytes(file))), StringComparer.Ordinal);
    }
}
