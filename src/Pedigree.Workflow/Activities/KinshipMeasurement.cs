using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using KinshipKind = Pedigree.Weights.Grams.KinshipMeasure;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// Kinship of new models to all others, from Gram rows. Admitted models are always measured; children are measured, with the
/// prediction beside it, or predicted alone. Children of elementwise methods cannot be predicted and are always measured.
/// </summary>
internal sealed class KinshipMeasurement(Models models, Recipes recipes, GramCache grams)
{
    public async Task<IReadOnlyList<KinshipMeasured>> MeasureAsync(
        KinshipRequest request, WorkNews news, CancellationToken cancellation)
    {
        Dictionary<string, MergeRecipe> children = new(StringComparer.Ordinal);
        foreach (ModelReference model in request.New)
            if (await recipes.FindAsync(model.Digest, cancellation) is { } recipe
                && await CanPredictAsync(request.Base, recipe, cancellation))
                children.Add(model.Digest, recipe);
        bool measured = request.Price == KinshipPrice.Measured || children.Count < request.New.Count;
        await MeasureWhatLacksAsync(request, measured, news, cancellation);
        Dictionary<string, GramRow> rows = new(StringComparer.Ordinal);
        foreach (ModelReference model in measured ? [.. request.Known, .. request.New] : request.Known)
            rows.Add(model.Digest, (await RowAsync(request.Base, model.Digest, measured, cancellation))!);
        Dictionary<string, GramRow> predicted = Predict(request, rows, children);
        if (!measured)
            foreach (GramRow row in predicted.Values)
                await grams.AddAsync(row, cancellation);
        List<ModelReference> others = [.. request.Known];
        List<KinshipMeasured> result = [];
        foreach (ModelReference model in request.New)
        {
            result.Add(new(model.Name, [.. others.Select(Entry)]));
            others.Add(model);

            KinshipEntry Entry(ModelReference other)
            {
                GramRow Best(ModelReference reference) =>
                    predicted.GetValueOrDefault(reference.Digest) ?? rows[reference.Digest];
                KinshipValue? prediction = predicted.ContainsKey(model.Digest) ? Value(Best(model), Best(other)) : null;
                return measured
                    ? new(other.Name, Value(rows[model.Digest], rows[other.Digest]), KinshipPrice.Measured, prediction)
                    : new(other.Name, prediction!, KinshipPrice.Predicted);
            }
        }
        return result;
    }

    private async Task<bool> CanPredictAsync(ModelReference ancestor, MergeRecipe recipe, CancellationToken cancellation)
    {
        List<GramRow> parents = [];
        foreach (string parent in recipe.Parents)
            if (await RowAsync(ancestor, parent, measured: false, cancellation) is { } row)
                parents.Add(row);
        return parents.Count == recipe.Parents.Count && recipe.Coefficients(parents) is not null;
    }

    private static KinshipValue Value(GramRow model, GramRow other)
    {
        Gram gram = new([model, other]);
        return new(gram.Kinship(KinshipKind.Pearson, 0, 1), gram.Kinship(KinshipKind.Cosine, 0, 1),
            gram.Kinship(KinshipKind.Euclidean, 0, 1));
    }

    /// <summary>
    /// One pass for the new models, if they are to be measured, and for known ones whose rows the store has lost.
    /// </summary>
    private async Task MeasureWhatLacksAsync(KinshipRequest request, bool measured, WorkNews news, CancellationToken cancellation)
    {
        ModelReference[] all = measured ? [.. request.Known, .. request.New] : [.. request.Known];
        Dictionary<ModelReference, GramRow> rows = [];
        foreach (ModelReference model in all)
            if (await RowAsync(request.Base, model.Digest, measured, cancellation) is { } row)
                rows.Add(model, row);
        bool Lacks(ModelReference model) => !rows.TryGetValue(model, out GramRow? own)
            || (measured && request.New.Contains(model) && rows.Values.Any(row => !GramRow.Related(row, own)));
        ModelReference[] lacking = [.. all.Where(Lacks)];
        if (lacking.Length == 0)
            return;
        ModelReference[] known = [.. all.Except(lacking)];
        using OpenFamily family = await OpenFamily.OpenAsync(
            ((ModelReference[])[request.Base, .. known, .. lacking]).Select(model => model.Digest), models, news, cancellation);
        Relative[] relatives = [.. family.Relatives];
        foreach (GramRow row in KinshipPass.Measure(
            relatives[0],
            relatives[1..(known.Length + 1)],
            relatives[(known.Length + 1)..],
            progress: news,
            cancellation: cancellation))
            await grams.AddAsync(row, cancellation);
    }

    /// <summary>Rows of the new models that are children, by digest.</summary>
    private static Dictionary<string, GramRow> Predict(
        KinshipRequest request, Dictionary<string, GramRow> rows, Dictionary<string, MergeRecipe> children)
    {
        Dictionary<string, GramRow> predicted = new(StringComparer.Ordinal);
        GramRow[] known = [.. request.Known.Select(model => rows[model.Digest])];
        foreach (ModelReference child in request.New)
        {
            if (!children.TryGetValue(child.Digest, out MergeRecipe? recipe))
                continue;
            GramRow[] parents = [.. recipe.Parents.Select(parent => known.Single(row => row.Model == parent))];
            predicted.Add(child.Digest,
                Prediction.Child(child.Digest, parents, recipe.Coefficients(parents)!, [.. known, .. predicted.Values]));
        }
        return predicted;
    }

    private async Task<GramRow?> RowAsync(ModelReference ancestor, string model, bool measured, CancellationToken cancellation) =>
        (measured ? null : await grams.FindAsync(ancestor.Digest, model, measured: false, cancellation))
        ?? await grams.FindAsync(ancestor.Digest, model, measured: true, cancellation);
}
