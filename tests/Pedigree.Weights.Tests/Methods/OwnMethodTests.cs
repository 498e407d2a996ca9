using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Merging;
using Pedigree.Weights.Methods;
using Pedigree.Weights.Tests.Grams;
using Xunit;

namespace Pedigree.Weights.Tests.Methods;

/// <summary>A method of one's own is one class and needs nothing that is not public.</summary>
public sealed class OwnMethodTests
{
    /// <summary>From each model what is above the tensor's mean |δ|, the largest of the models winning.</summary>
    private sealed class Loudest : IElementwiseMethod
    {
        public string Name => "loudest";

        public IReadOnlyList<MergeParameter> Parameters { get; } = [new("scale", Default: 1)];

        public (int Fewest, int Most) Models => (1, int.MaxValue);

        public BaseModel BaseModel => BaseModel.Origin;

        public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters)
        {
            var sums = new double[tensor.Blocks()];
            tensor.Pass(block =>
            {
                for (var model = 0; model < tensor.Models; model++)
                    foreach (var value in block.Delta(model))
                        sums[block.Index] += Math.Abs(value);
            });
            return new Above((float)(sums.Sum() / tensor.Count / tensor.Models), (float)parameters["scale"][0], tensor.Models);
        }

        private sealed class Above(float threshold, float scale, int models) : IElementwiseMerge
        {
            public void Merge(TensorBlock block)
            {
                var loudest = new float[block.Count];
                for (var model = 0; model < models; model++)
                {
                    var delta = block.Delta(model);
                    for (var i = 0; i < delta.Length; i++)
                        if (Math.Abs(delta[i]) > Math.Max(threshold, Math.Abs(loudest[i])))
                            loudest[i] = delta[i];
                }
                for (var i = 0; i < loudest.Length; i++)
                    block.Result[i] = block.Origin()[i] + (scale * loudest[i]);
            }
        }
    }

    [Fact]
    public void It_is_read_written_and_rounded_like_any_other()
    {
        using var family = new Family(DType.BF16, [[300, 130], [7], []], 2, 5);
        MergeBody body = new(
            new Loudest(), true, new("own.yml", "", 1, 1), new Dictionary<string, ParameterValue>(), [], null, null);
        Merger.Merge(new(body, ["m0", "m1"], "base"), family.Models, family.Base, null, family.Path("child"));
        using var child = Checkpoint.Open(family.Path("child"));
        Samples.Compare(child, family, DType.BF16, (_, origin, models) =>
        {
            double[][] deltas = [.. models.Select(model => Samples.Delta(model, origin))];
            var threshold = deltas.SelectMany(delta => delta).Average(Math.Abs);
            return [.. origin.Select((x, at) =>
            {
                var loudest = deltas.Select(delta => delta[at]).MaxBy(Math.Abs);
                return Math.Abs(loudest) > threshold ? x + loudest : x;
            })];
        });
    }
}
