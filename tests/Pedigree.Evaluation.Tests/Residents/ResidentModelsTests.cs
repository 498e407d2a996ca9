using System.Runtime.InteropServices;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Residents;
using Pedigree.Evaluation.Tests.Models;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Xunit;

namespace Pedigree.Evaluation.Tests.Residents;

/// <summary>On the processor, as torch's device: what a GPU does the same way.</summary>
public sealed class ResidentModelsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pedigree-").FullName;
    private readonly List<Checkpoint> _open = [];

    public void Dispose()
    {
        foreach (var checkpoint in _open)
            checkpoint.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(2, DType.BF16, "method: linear\nparameters: {weight: 1}")]
    [InlineData(2, DType.F16, "method: linear\nparameters: {weight: 1}")]
    [InlineData(2, DType.F32, "method: linear\nparameters: {weight: 1}")]
    [InlineData(3, DType.BF16, "method: linear\nparameters: {weight: 1}")]
    [InlineData(3, DType.F16, "method: linear\nparameters: {weight: 0.7, normalize: false}")]
    [InlineData(2, DType.BF16, "method: slerp\nparameters: {t: 0.3}")]
    [InlineData(2, DType.F16, "method: slerp\nparameters: {t: 0.3}\ndtype: float32\nout_dtype: bfloat16")]
    [InlineData(2, DType.F32, "method: slerp\nparameters: {t: 0.6}\ndtype: bfloat16\nout_dtype: float32")]
    [InlineData(2, DType.BF16, "method: task_arithmetic\nbase_model: base\nparameters: {weight: 0.4}")]
    [InlineData(3, DType.BF16, "method: model_stock\nbase_model: base")]
    [InlineData(3, DType.F16, "method: multislerp\nparameters: {weight: 1}")]
    [InlineData(3, DType.F32, "method: karcher")]
    public void A_child_summed_on_a_device_is_the_one_that_the_kernels_write(int models, DType type, string method)
    {
        var family = Family(type, models);
        var (recipe, rows) = Recipe(method, family);
        var manifest = Merger.Merge(recipe, family[1..], family[0], rows, Path.Combine(_folder, "kernels"));
        using var device = Device();
        var plan = SummedMerge.Plan(recipe, family[1..], family[0], rows)!;
        using var child = device.Sum(plan)!;

        var outline = plan.Describe(child.Read, Path.Combine(_folder, "scratch"));
        Assert.Equal(manifest.ContentDigest, outline.Content);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "kernels", "recipe.json")), outline.Recipe);
        Assert.False(Directory.Exists(Path.Combine(_folder, "scratch")));
        plan.Write(child.Read, Path.Combine(_folder, "device"));
        Assert.Equal(Files("kernels"), Files("device"));

        using var written = Checkpoint.Open(Path.Combine(_folder, "kernels"));
        using var unwritten = child.Open(family[1].Checkpoint, "child", []);
        string Row(Checkpoint opened) => KinshipPass.Measure(family[0], family[1..], [new("child", opened)])[0].ToJson();
        Assert.Equal(Row(written), Row(unwritten));
    }

    [Theory]
    [InlineData("bfloat16", 0x3F80, 1 / 256f)]
    [InlineData("float16", 0x3C00, 1 / 2048f)]
    public void What_float32_takes_for_a_tie_is_rounded_by_what_float64_knows_of_it(string type, int one, float half)
    {
        // One and a half steps of the type, one and three halves; then 10⁻¹² less, nothing and as much more.
        var family = Family(
            DType.F32, 2, (model, element) => model == 0 ? 1 + (half * (element < 3 ? 1 : 3)) : (element % 3 - 1) * 1e-12f);
        var (recipe, rows) = Recipe($"method: linear\nparameters: {{weight: 1, normalize: false}}\nout_dtype: {type}", family);
        using var device = Device();
        using var child = device.Sum(SummedMerge.Plan(recipe, family[1..], family[0], rows)!)!;
        var bytes = new byte[12];
        child.Read("a", 0, bytes);
        Assert.Equal([one, one, one + 1, one + 1, one + 2, one + 2],
            Enumerable.Range(0, 6).Select(i => (int)BitConverter.ToUInt16(bytes, 2 * i)));
    }

    [Theory]
    [InlineData("method: ties\nbase_model: base\nparameters: {density: 0.5, weight: 1}")]
    [InlineData("method: nearswap\nparameters: {t: 0.001}")]
    public void A_method_that_is_no_weighted_sum_is_not_made_on_a_device(string method)
    {
        var family = Family(DType.BF16, 2);
        var (recipe, rows) = Recipe(method, family);
        Assert.Null(SummedMerge.Plan(recipe, family[1..], family[0], rows));
    }

    [Fact]
    public void A_sum_that_overflows_is_not_made_on_a_device()
    {
        var family = Family(DType.F16, 2, (_, element) => element == 7 ? 65504 : 1);
        var (recipe, rows) = Recipe("method: linear\nparameters: {weight: 1, normalize: false}", family);
        using var device = Device();
        Assert.Null(device.Sum(SummedMerge.Plan(recipe, family[1..], family[0], rows)!));
        Assert.NotNull(device.Find(family[1].Digest));
    }

    [Fact]
    public void Where_there_is_no_more_room_those_go_that_were_not_taken_for_the_longest_time()
    {
        var family = Family(DType.BF16, 3);
        var room = family[0].Checkpoint.ByteLength;
        using ResidentModels device = new("cpu", "test", 4 * room);
        SummedMerge Plan(int first, int second)
        {
            Relative[] parents = [family[first], family[second]];
            var (recipe, rows) = Recipe("method: slerp\nparameters: {t: 0.5}", [family[0], .. parents]);
            return SummedMerge.Plan(recipe, parents, family[0], rows)!;
        }
        var one = Plan(1, 2);
        device.Sum(one)!.Dispose();
        Assert.All([family[1].Digest, family[2].Digest, one.Recipe.Digest], digest => Use(device.Find(digest)));

        // 1 and 2 and their child are there; 1 is in use, and 2 is what was not for the longest time.
        using (device.Find(family[1].Digest))
        {
            Use(device.Find(one.Recipe.Digest));
            var two = Plan(1, 3);
            Use(device.Sum(two));
            Assert.Null(device.Find(family[2].Digest));
            Assert.All(
                [family[1].Digest, family[3].Digest, one.Recipe.Digest, two.Recipe.Digest], digest => Use(device.Find(digest)));
        }

        using ResidentModels small = new("cpu", "test", 3 * room - 1);
        Assert.Null(small.Sum(one));
        Assert.All([family[1].Digest, family[2].Digest], digest => Assert.Null(small.Find(digest)));

        static void Use(ResidentModel? model)
        {
            Assert.NotNull(model);
            model.Dispose();
        }
    }

    [Fact]
    public void Where_a_device_has_less_room_than_it_had_unused_models_go_and_the_processor_makes_the_child()
    {
        var family = Family(DType.BF16, 2);
        var (recipe, rows) = Recipe("method: linear\nparameters: {weight: 1}", family);
        using ResidentModels device = new("cpu", "test", 3 * family[0].Checkpoint.ByteLength);
        device.Sum(SummedMerge.Plan(recipe, family[1..], family[0], rows)!)!.Dispose();
        using var used = device.Find(family[1].Digest);
        Assert.Null(device.Add(0, () => throw new ExternalException("CUDA out of memory. Tried to allocate 2.00 GiB.")));
        Assert.Null(device.Find(family[2].Digest));
        Assert.Null(device.Find(recipe.Digest));
        using var again = device.Sum(SummedMerge.Plan(recipe, family[1..], family[0], rows)!);
        Assert.NotNull(again);
        Assert.Throws<ExternalException>(
            () => device.Add(0, () => throw new ExternalException("CUDA error: device-side assert triggered")));
    }

    [Fact]
    public void A_model_that_has_no_room_is_loaded_once_more_and_then_an_error_of_its_own()
    {
        var tries = 0;
        Assert.Equal("loaded",
            DeviceMemory.Load("here", () => tries++ == 0 ? throw new ExternalException("CUDA out of memory.") : "loaded"));
        var error = Assert.Throws<UnavailableException>(
            () => DeviceMemory.Load<string>("here", () => throw new ExternalException("CUDA out of memory.\nat a place")));
        Assert.Equal("here", error.File);
        Assert.Contains("(CUDA out of memory.)", error.Message);
    }

    [Theory, MemberData(nameof(LanguageModelTests.Names), MemberType = typeof(LanguageModelTests))]
    public void A_model_in_a_devices_memory_scores_as_one_loaded_from_its_files(string name)
    {
        using var tiny = new TinyModel(LanguageModelTests.Config(name));
        using var loaded = tiny.Load();
        using var checkpoint = Checkpoint.Open(tiny.Folder);
        Relative[] twins = [new("base", checkpoint), new("one", checkpoint), new("two", checkpoint)];
        var body = MergeBody.Parse(ConfigurationReader.Parse("spec", "method: linear\nparameters: {weight: 1}"));
        using var device = Device();
        using var child = device.Sum(SummedMerge.Plan(new(body, ["one", "two"], "base"), twins[1..], twins[0], null)!)!;
        using var model = LanguageModel.Of(child, child.Open(checkpoint, "child", []));
        ScoreRequest[] requests = [new([1, 5, 9, 2, 7, 11, 3], 4)];
        Assert.Equal(loaded.Score(requests)[0].LogProbabilities, model.Score(requests)[0].LogProbabilities);
    }

    private static ResidentModels Device() => new("cpu", "test", long.MaxValue);

    private SortedDictionary<string, string> Files(string folder) => new(Directory.GetFiles(Path.Combine(_folder, folder))
        .ToDictionary(
            file => Path.GetFileName(file), file => Convert.ToHexString(File.ReadAllBytes(file))), StringComparer.Ordinal);

    private static (MergeRecipe Recipe, IReadOnlyList<GramRow> Rows) Recipe(string method, Relative[] family) => (
        new(MergeBody.Parse(ConfigurationReader.Parse("spec", method)), [.. family[1..].Select(model => model.Digest)],
            family[0].Digest),
        KinshipPass.Measure(family[0], [], family[1..]));

    /// <summary>A base and models: numbers of all sizes, the smallest and both zeros included.</summary>
    private Relative[] Family(DType type, int models, Func<int, int, float>? value = null)
    {
        Random random = new(models);
        PlannedTensor[] tensors = [new("a", type, [40, 50]), new("b", type, [3]), new("c", type, []), new("empty", type, [0, 4])];
        return [.. Enumerable.Range(0, models + 1).Select(model =>
        {
            var folder = Path.Combine(_folder, $"{type}{model}");
            using (CheckpointWriter writer = new(folder + ".half", tensors))
            {
                foreach (var tensor in tensors)
                    writer.Write(tensor.Name, 0,
                        Bytes(tensor, element => value is null ? Any(random) : model == 0 ? 0 : value(model - 1, element)));
                writer.AddFile("config.json", "{}"u8);
                writer.Complete(folder);
            }
            _open.Add(Checkpoint.Open(folder));
            return new Relative($"{type}{model}", _open[^1]);
        })];
    }

    private static float Any(Random random) => random.Next(20) switch
    {
        0 => 0f,
        1 => -0f,
        2 => float.Epsilon * random.Next(1 << 20) * (random.Next(2) == 0 ? 1 : -1),
        3 => MathF.Pow(2, -random.Next(10, 30)),
        4 => random.Next(-300, 300) / 256f,
        _ => (float)(random.NextDouble() - 0.5),
    };

    private static byte[] Bytes(PlannedTensor tensor, Func<int, float> value)
    {
        List<byte> bytes = [];
        for (var i = 0; i < tensor.ByteLength / tensor.DType.Size(); i++)
            bytes.AddRange(tensor.DType switch
            {
                DType.F32 => BitConverter.GetBytes(value(i)),
                DType.F16 => BitConverter.GetBytes((Half)value(i)),
                _ => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value(i)) >> 16)),
            });
        return [.. bytes];
    }
}
