using Pedigree.Evolution;

namespace Pedigree.Api.Responses;

/// <summary>Kinship of all models of a run, relative to its base.</summary>
/// <param name="Measure">The measure by which the run decides.</param>
/// <param name="Models">Names of the models, by generation and name.</param>
/// <param name="Pearson">Pearson correlation, [models, models]; null where it is not known.</param>
/// <param name="Cosine">Cosine.</param>
/// <param name="Euclidean">Distance.</param>
internal sealed record KinshipMatrix(
    KinshipMeasure Measure, IReadOnlyList<string> Models, double?[][] Pearson, double?[][] Cosine, double?[][] Euclidean)
{
    public static KinshipMatrix Of(RunState state)
    {
        string[] names = [.. state.Models.Values.OrderBy(model => model.Generation).Select(model => model.Name)];
        return new(
            state.Spec!.Kinship.Measure,
            names,
            Matrix(KinshipMeasure.Pearson),
            Matrix(KinshipMeasure.Cosine),
            Matrix(KinshipMeasure.Euclidean));

        double?[][] Matrix(KinshipMeasure measure) =>
            [.. names.Select(one => names.Select(other => state.Kinship(measure, one, other)).ToArray())];
    }
}
