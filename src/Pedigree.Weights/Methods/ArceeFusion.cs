using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Methods;

/// <summary>
/// Arcee Fusion: x₁ replaces x₀ in the elements of greatest importance. The importance of an element is <c>|x₁ − x₀|</c> times
/// the Kullback–Leibler divergence of its row's softmax in x₁ from that in x₀; taken are those not below
/// <c>median + 1.5·(third − first quartile)</c> of all of the tensor (Arcee AI, mergekit, 2025).
/// </summary>
/// <remarks>
/// The quartiles are exact: of n importances the ⌊q·(n − 1)⌋-th from below. mergekit takes them from a random million elements of
/// a larger tensor, and so chooses others every time. A row is the last dimension.
/// </remarks>
internal sealed class ArceeFusion : IElementwiseMethod
{
    public string Name => "arcee_fusion";

    public IReadOnlyList<MergeParameter> Parameters { get; } = [];

    public (int Fewest, int Most) Models => (2, 2);

    public BaseModel BaseModel => BaseModel.First;

    public int Ranked(int models) => 3;

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters) =>
        new Important(tensor);

    private sealed unsafe class Important : IElementwiseMerge
    {
        private readonly TensorSources _tensor;
        private readonly float[] _divergences;
        private readonly float _threshold;

        public Important(TensorSources tensor)
        {
            _tensor = tensor;
            _divergences = tensor.Count == 0 ? [] : new float[tensor.Count / tensor.Columns];
            if (tensor.Count == 0)
                return;
            tensor.Pass(block =>
            {
                var first = block.WeightsPointer(0);
                var second = block.WeightsPointer(1);
                var columns = (int)tensor.Columns;
                for (var start = 0; start < block.Count; start += columns)
                    _divergences[(block.Start + start) / columns] = (float)Softmax.Divergence(
                        second + start, first + start, columns);
            }, wholeRows: true);
            var ranks = Ranks.Find(tensor, (block, _) => Importance(block),
                [.. new[] { 1, 2, 3 }.Select(quarter => (0, tensor.Count - ((tensor.Count - 1) * quarter / 4)))]);
            float Quartile(int i) => BitConverter.UInt32BitsToSingle(ranks[i].Magnitude);
            _threshold = (float)(Quartile(1) + (1.5 * ((double)Quartile(2) - Quartile(0))));
        }

        public void Merge(TensorBlock block)
        {
            var importance = Importance(block);
            var first = block.WeightsPointer(0);
            var second = block.WeightsPointer(1);
            var result = block.Result;
            for (var i = 0; i < result.Length; i++)
                result[i] = importance[i] >= _threshold ? second[i] : first[i];
        }

        private float* Importance(TensorBlock block)
        {
            var target = block.ScratchPointer;
            var first = block.WeightsPointer(0);
            var second = block.WeightsPointer(1);
            Singles.Subtract(second, first, block.Padded);
            var columns = _tensor.Columns;
            for (var start = 0; start < block.Count;)
            {
                var row = (block.Start + start) / columns;
                var end = (int)Math.Min(block.Count, ((row + 1) * columns) - block.Start);
                Rows.ScaledMagnitudes(target + start, second + start, _divergences[row], end - start);
                start = end;
            }
            return target;
        }
    }
}
