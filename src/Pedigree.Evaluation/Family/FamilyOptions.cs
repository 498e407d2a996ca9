namespace Pedigree.Evaluation.Family;

/// <summary>How the sample family is trained. The defaults are those of the family in samples/.</summary>
public sealed record FamilyOptions
{
    /// <summary>All that is random follows from it.</summary>
    public int Seed { get; init; }

    /// <summary>Steps of the base, on all skills alike.</summary>
    public int BaseSteps { get; init; } = 700;

    /// <summary>Steps of each expert.</summary>
    public int ExpertSteps { get; init; } = 400;

    /// <summary>Share of an expert's training that is drawn from all skills alike.</summary>
    public double Rehearsal { get; init; } = 0.1;

    /// <summary>Greatest learning rate of the base.</summary>
    public double BaseLearningRate { get; init; } = 3e-3;

    /// <summary>Greatest learning rate of an expert.</summary>
    public double ExpertLearningRate { get; init; } = 1e-3;

    /// <summary>Examples a step.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Width of the residual stream, a multiple of 16.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = 3;

    /// <summary>Questions in each task.</summary>
    public int Questions { get; init; } = 200;
}

/// <summary>How far training has come.</summary>
/// <param name="Model">base, or the skill of an expert.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Mean cross-entropy of this step's answers, in nats a character.</param>
public sealed record FamilyProgress(string Model, int Step, int Steps, double Loss);
