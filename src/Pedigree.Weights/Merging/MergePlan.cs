using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Methods;

namespace Pedigree.Weights.Merging;

/// <summary>What a body means for given tensors: each one's parameters, and from its Gram matrix its coefficients.</summary>
public sealed class MergePlan
{
    private static readonly TensorGram NoGram = new(0, [], new double[0, 0]);

    private readonly MergeBody _body;
    private readonly Architecture _architecture;

    /// <summary>Plans a merge of <paramref name="parents"/> models that have these tensors. No weights are read.</summary>
    /// <param name="body">How to merge.</param>
    /// <param name="parents">Number of models.</param>
    /// <param name="tensors">Names of the tensors.</param>
    /// <param name="architecture">The layers of the whole model, where these are not all its tensors.</param>
    /// <exception cref="BadInputException">
    /// A tensor lacks a parameter or has some that cannot be used together, or slices do not cover the layers.
    /// </exception>
    public MergePlan(MergeBody body, int parents, IReadOnlyList<string> tensors, Architecture? architecture = null)
    {
        _body = body;
        Tensors = tensors;
        if (parents < body.Method.Models.Fewest || parents > body.Method.Models.Most)
            throw new BadInputException(body.File, body.At.Member("method"),
                $"{body.Method.Name} does not take {parents} models");
        _architecture = architecture ?? new(tensors);
        Parameters = [.. tensors.Select(tensor => ParametersOf(tensor, parents))];
        for (var tensor = 0; tensor < tensors.Count; tensor++)
            Told<object?>(tensor, () =>
            {
                body.Method.Check(Parameters[tensor]);
                return null;
            });
    }

    /// <summary>Names of the tensors.</summary>
    public IReadOnlyList<string> Tensors { get; }

    /// <summary>By name, the value for each parent, for each tensor.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, double[]>> Parameters { get; }

    /// <summary>Whether all tensors are weighted sums: then the kinship of the child follows from its parents'.</summary>
    public bool IsWeightedSum => !Elementwise.Any();

    /// <summary>Names of the tensors that are no weighted sums.</summary>
    public IEnumerable<string> Elementwise => Tensors.Where((_, tensor) => WeightedSum(tensor) is null);

    /// <summary>Whether <see cref="Coefficients"/> needs a Gram.</summary>
    public bool NeedsGram => Enumerable.Range(0, Tensors.Count).Any(NeedsGramOf);

    /// <summary>Whether it needs that of one tensor.</summary>
    internal bool NeedsGramOf(int tensor) => WeightedSum(tensor) is { NeedsGram: true };

    /// <summary>
    /// <c>[tensor][parent]</c>, and after the parents the coefficient of the origin where the body has one; null for a tensor
    /// that is merged elementwise. The Gram's models are the parents in order, its tensors those of the plan; it may be null
    /// where <see cref="NeedsGram"/> is false.
    /// </summary>
    /// <exception cref="BadInputException">The parameters of a tensor cannot be used together.</exception>
    public IReadOnlyList<double[]?> Coefficients(Gram? gram)
    {
        if (gram is not null && !gram.Tensors.SequenceEqual(Tensors))
            throw new ArgumentException("The Gram matrix is of other tensors.", nameof(gram));
        return [.. Tensors.Select((_, tensor) => CoefficientsOf(tensor, gram?.Tensor(tensor)))];
    }

    /// <summary>The same of one tensor.</summary>
    internal double[]? CoefficientsOf(int tensor, TensorGram? gram)
    {
        if (WeightedSum(tensor) is not { } method)
            return null;
        var products = gram ?? NoGram;
        var coefficients = Told(
            tensor, () => method.Coefficients(_body.HasOrigin ? products.OfDeltas() : products, Parameters[tensor]));
        // base + Σ cᵢ·(xᵢ − base)
        return _body.HasOrigin ? [.. coefficients, 1 - coefficients.Sum()] : coefficients;
    }

    private IWeightedSumMethod? WeightedSum(int tensor) =>
        _body.Method is IWeightedSumMethod method && method.IsWeightedSum(Parameters[tensor]) ? method : null;

    private T Told<T>(int tensor, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException(_body.File, _body.ParametersFor(Tensors[tensor]), exception.Message);
        }
    }

    private Dictionary<string, double[]> ParametersOf(string tensor, int parents)
    {
        var place = Architecture.Place(tensor);
        var (slice, depth) = SliceOf(tensor, place);
        double Value(MergeParameter parameter, int parent)
        {
            ParameterValue?[] given =
            [
                parameter.ByModel && slice is { Sources.Count: > 0 }
                    ? slice.Sources[parent].GetValueOrDefault(parameter.Name)
                    : null,
                slice?.Parameters.GetValueOrDefault(parameter.Name),
                slice?.Module?.Parameters.GetValueOrDefault(parameter.Name),
                _body.Parameters.GetValueOrDefault(parameter.Name),
            ];
            // As in mergekit, filters know what each model has its own value of by its name in that model.
            var name = parameter.ByModel && slice is { Starts.Count: > 0 } && place.Stack is not null
                ? $"{place.Stack}.{slice.Starts[parent] + place.Layer - slice.Start}{place.Rest}" : tensor;
            return given.Select(value => value?.For(name, depth)).FirstOrDefault(value => value is not null) ?? parameter.Default
                ?? throw new BadInputException(_body.File, given.OfType<ParameterValue>().FirstOrDefault()?.At.Path
                    ?? _body.At.Member($"parameters.{parameter.Name}"),
                    $"no filter fits tensor {tensor}; end the list with a value without a filter");
        }
        if (slice is { Sources.Count: > 0 } && slice.Sources.Count != parents)
            throw new BadInputException(_body.File, "models", $"lists {slice.Sources.Count} models, but {parents} are merged");
        return _body.Method.Parameters.ToDictionary(
            parameter => parameter.Name,
            parameter => Enumerable.Range(0, parents).Select(parent => Value(parameter, parent)).ToArray());
    }

    /// <summary>
    /// The slice whose parameters count, and the depth within it from 0 to 1. As in mergekit, embeddings belong to the first
    /// slice, final norm and head to the last, all with depth 0; a slice's only layer has depth 1.
    /// </summary>
    private (MergeSlice?, double) SliceOf(string tensor, TensorPlace place)
    {
        var slices = _body.SlicesOf(tensor);
        if (place.Stack is null)
            return (Architecture.IsEmbedding(tensor) ? slices.FirstOrDefault() : slices.LastOrDefault(), 0);
        var layers = _architecture.Stacks[place.Stack];
        if (slices is [.., { End: { } end }] && end != layers)
            throw new BadInputException(_body.File, "layer_range",
                $"the slices end at layer {end}, but the models have {layers} layers");
        var slice = slices.FirstOrDefault(slice => place.Layer < (slice.End ?? layers));
        var (start, length) = (slice?.Start ?? 0, (slice?.End ?? layers) - (slice?.Start ?? 0));
        return (slice, length == 1 ? 1 : (double)(place.Layer - start) / (length - 1));
    }
}
